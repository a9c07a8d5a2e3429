"""What a model saw and said when it was made, kept beside it: what drift is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from models.drift import BINS, STATISTICS, Histograms, bins_of, histograms
from models.manifest import ModelError
from models.scores import Scores

FORMAT = 1
REFERENCE = "reference.json"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Histograms of the texts of one language; `models.drift` says where their bins begin."""

    texts: int
    classes: tuple[float, ...]
    """Texts by likeliest sentiment: negative, neutral, positive."""
    confidence: tuple[float, ...]
    tokens: tuple[float, ...]
    unknown: tuple[float, ...]
    """Texts by the share of their tokens that the model does not know."""

    def histograms(self) -> Histograms:
        """The counts by statistic."""
        return {
            "class": np.array(self.classes),
            "confidence": np.array(self.confidence),
            "tokens": np.array(self.tokens),
            "unknown": np.array(self.unknown),
        }


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """What `reference.json` says."""

    format: int = FORMAT
    languages: dict[str, Profile]


def reference_of(
    scores: Scores, token_counts: Sequence[int], unknown_counts: Sequence[int]
) -> Reference:
    """The reference that scored texts make, by their languages.

    `token_counts` and `unknown_counts` (tokens that the model does not know) are in the order of
    the scores; `models.scorer.Prepared.token_counts` gives both.
    """
    bins = bins_of(scores.sentiment, token_counts, unknown_counts)
    rows: dict[str, list[int]] = {}
    for index, language in enumerate(scores.languages):
        rows.setdefault(language, []).append(index)
    return Reference(
        languages={
            language: profile_of(histograms(bins, chosen), len(chosen))
            for language, chosen in sorted(rows.items())
        }
    )


def profile_of(counts: Histograms, texts: int) -> Profile:
    """A profile of histograms."""
    classes, confidence, tokens, unknown = (tuple(counts[name].tolist()) for name in STATISTICS)
    return Profile(
        texts=texts, classes=classes, confidence=confidence, tokens=tokens, unknown=unknown
    )


def write_reference(directory: Path, reference: Reference) -> None:
    """Write `reference.json`; the manifest must be written after it, since it lists the file."""
    encoded = msgspec.json.format(msgspec.json.encode(reference), indent=2)
    (directory / REFERENCE).write_bytes(encoded + b"\n")


def read_reference(directory: Path) -> Reference | None:
    """The reference of a model directory; None where it has none. Raises ModelError."""
    path = directory / REFERENCE
    try:
        reference = msgspec.json.decode(path.read_bytes(), type=Reference)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ModelError(f"{path}: {error}") from None
    if reference.format != FORMAT:
        raise ModelError(f"{path}: format {reference.format}, this version reads {FORMAT}")
    for language, profile in reference.languages.items():
        for name, counts in profile.histograms().items():
            if len(counts) != BINS[name] or not (np.isfinite(counts) & (counts >= 0)).all():
                raise ModelError(
                    f"{path}: {language}.{name} is no histogram of {BINS[name]} counts"
                )
    return reference
