"""Parts that do not know each other: near-duplicates never cross, classes keep their shares."""

from collections.abc import Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH
from sklearn.model_selection import StratifiedGroupKFold

from models.training.examples import Example, folded

SHINGLE_CHARACTERS = 5
PERMUTATIONS = 64
SIMILARITY = 0.7
"""Jaccard similarity of five-character shingles from which two texts count as copies."""
PARTS = 10


def near_duplicate_groups(texts: Sequence[str]) -> list[int]:
    """A group number a text; texts that are alike share one, through a chain of likes too.

    MinHash LSH: Broder 1997; Leskovec et al., "Mining of Massive Datasets", chapter 3.
    """
    group = list(range(len(texts)))
    index = MinHashLSH(threshold=SIMILARITY, num_perm=PERMUTATIONS)
    exact: dict[str, int] = {}
    for number, text in enumerate(texts):
        plain = folded(text)
        if plain in exact:
            group[number] = exact[plain]
            continue
        exact[plain] = number
        shingles = {
            plain[start : start + SHINGLE_CHARACTERS].encode()
            for start in range(max(1, len(plain) - SHINGLE_CHARACTERS + 1))
        }
        sketch = MinHash(num_perm=PERMUTATIONS, seed=1)
        sketch.update_batch(shingles)
        for other in index.query(sketch):
            assert isinstance(other, int)
            _join(group, number, other)
        index.insert(number, sketch, check_duplication=False)
    return [_root(group, number) for number in range(len(texts))]


def without_near(examples: Sequence[Example], held_out: Sequence[Example]) -> list[Example]:
    """The examples that are no near-duplicate of one held out."""
    groups = near_duplicate_groups([example.text for example in (*held_out, *examples)])
    taken = set(groups[: len(held_out)])
    return [
        example
        for example, group in zip(examples, groups[len(held_out) :], strict=True)
        if group not in taken
    ]


def hold_out(examples: Sequence[Example], seed: int) -> tuple[list[Example], list[Example]]:
    """A train part and a validation part of about a tenth, with like shares of each label."""
    groups = near_duplicate_groups([example.text for example in examples])
    labels = [_label(example) for example in examples]
    # A class with fewer texts than parts cannot be in each of them.
    counts = {label: labels.count(label) for label in set(labels)}
    strata = [label if counts[label] >= PARTS else "rare" for label in labels]
    distinct = len(set(groups))
    if distinct < 2:
        return list(examples), []
    folds = StratifiedGroupKFold(min(PARTS, distinct), shuffle=True, random_state=seed)
    kept, held = next(folds.split(np.zeros(len(examples)), strata, groups))
    return [examples[index] for index in kept], [examples[index] for index in held]


def _label(example: Example) -> str:
    if example.sentiment is not None:
        return f"{example.sentiment}{' of a company' if example.company else ''}"
    return min(example.topics or ("",))


def _root(group: list[int], number: int) -> int:
    while group[number] != number:
        group[number] = group[group[number]]
        number = group[number]
    return number


def _join(group: list[int], one: int, other: int) -> None:
    one, other = _root(group, one), _root(group, other)
    group[max(one, other)] = min(one, other)
