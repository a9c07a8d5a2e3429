"""Texts to hashed n-grams of characters and words: features that need no vocabulary.

The hashing trick: Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning".
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

BUCKETS = 2**18
MAX_CHARACTERS = 2_000
LONGEST_GRAM = 5
_BASE = np.uint64(0x100000001B3)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(64 - 18)
_DIGIT = re.compile(r"\d")
_TOKEN = re.compile(r"[0-9A-Za-z\u00c0-\u024f$%]+")


def grams(text: str) -> list[int]:
    """The buckets of a text's n-grams, sorted, each once; texts are cut after 2,000 characters.

    All runs of one to five characters, words, and pairs of words; case and the values of digits
    aside.
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_CHARACTERS]).casefold()
    folded = _DIGIT.sub("0", " ".join(folded.split()))
    codes = np.frombuffer(f" {folded} ".encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    hashes = [*_runs(codes, LONGEST_GRAM)]
    words = np.array([_fold(word) for word in _TOKEN.findall(folded)], dtype=np.uint64)
    hashes += _runs(words, 2, first=101)
    buckets = np.sort(((np.concatenate(hashes) * _MIX) >> _SHIFT).astype(np.int32))
    first = np.concatenate(([True], buckets[1:] != buckets[:-1]))
    return cast("list[int]", buckets[first].tolist())


def _runs(codes: NDArray[np.uint64], longest: int, first: int = 1) -> Sequence[NDArray[np.uint64]]:
    """Hashes of all runs of up to `longest` codes; `first` sets one kind of run off another."""
    found = []
    rolling = np.zeros_like(codes)
    for length in range(longest):
        if len(codes) <= length:
            break
        rolling = rolling[: len(codes) - length] * _BASE + codes[length:] + np.uint64(1)
        found.append(rolling ^ np.uint64((first + length) * 0x5851F42D4C957F2D % 2**64))
    return found


@lru_cache(maxsize=65_536)
def _fold(word: str) -> int:
    value = 0
    for char in word[:40]:
        value = (value * 0x100000001B3 + ord(char) + 1) % 2**64
    return value
