"""The negative share that is behind the one that a classifier with known errors has seen.

A classifier finds a part of the negative stories (its sensitivity) and rightly passes a part of the
others (its specificity). The share p behind an apparent one t is (t + specificity - 1) /
(sensitivity + specificity - 1) (Rogan and Gladen, American Journal of Epidemiology 107, 1978).

The interval carries the doubt about all three, since sensitivity and specificity are themselves
only known from so many labelled texts (Lang and Reiczigel, Preventive Veterinary Medicine 113,
2014: normal, with counts that are moved a little towards the middle).

Texts of a window are of several kinds: a kind is a model, what it was asked, and a language. Rates
of the window are those of its kinds, weighed by how many articles are of each. Where the kinds'
true shares differ, what is estimated is their mean, weighed a little more for kinds that the
models read better.
"""

import math
from collections.abc import Iterable, Mapping

import msgspec

Kind = tuple[str, str, str]
"""Model, task ("sentiment" of the whole text, or of a "company" in it), language."""
Mix = tuple[tuple[Kind, int], ...]
"""Articles by kind."""

LEAST_KNOWN = 0.5
"""Of a window's articles; where errors of fewer are known, nothing is corrected."""


class ErrorCounts(msgspec.Struct, frozen=True):
    """How the answer "negative" did on labelled texts."""

    negative: int
    """Texts that are negative,"""
    found: int
    """and those of them that were called so."""
    other: int
    """Texts that are not,"""
    passed: int
    """and those of them that were not called so."""

    @property
    def tells(self) -> bool:
        """Whether there were texts of both sorts."""
        return self.negative > 0 and self.other > 0


class ErrorRates(msgspec.Struct, frozen=True):
    """Of a window's mix of kinds; variances are those of the rates moved towards the middle."""

    sensitivity: float
    specificity: float
    moved_sensitivity: float
    moved_specificity: float
    sensitivity_variance: float
    specificity_variance: float


class Correction(msgspec.Struct, frozen=True):
    """What a share was corrected by; no rates where too little is known, and nothing corrected."""

    apparent: float
    """Negative share of the window's stories as they were read."""
    known: float
    """Share of the window's articles whose models' errors are known."""
    sensitivity: float | None = None
    specificity: float | None = None


def rates_of(
    mix: Iterable[tuple[Kind, int]], errors: Mapping[Kind, ErrorCounts]
) -> tuple[ErrorRates | None, float]:
    """The rates of a mix, and the share of it that is known; None where that is too small."""
    counted: dict[Kind, int] = {}
    for kind, articles in mix:
        counted[kind] = counted.get(kind, 0) + articles
    total = sum(counted.values())
    told = {
        kind: many
        for kind, many in sorted(counted.items())
        if kind in errors and errors[kind].tells
    }
    known = sum(told.values())
    if not total or known < LEAST_KNOWN * total:
        return None, known / total if total else 0.0
    sums = [0.0] * 6
    for kind, many in told.items():
        weight, counts = many / known, errors[kind]
        found = (counts.found + 1) / (counts.negative + 2)
        passed = (counts.passed + 1) / (counts.other + 2)
        terms = (
            weight * counts.found / counts.negative,
            weight * counts.passed / counts.other,
            weight * found,
            weight * passed,
            weight**2 * found * (1 - found) / (counts.negative + 2),
            weight**2 * passed * (1 - passed) / (counts.other + 2),
        )
        sums = [so_far + term for so_far, term in zip(sums, terms, strict=True)]
    return ErrorRates(*sums), known / total


def corrected(
    negative: int, stories: int, rates: ErrorRates, z: float = 1.959964
) -> tuple[float, float, float]:
    """The share behind so many stories called negative, and its interval, all in [0, 1].

    (0, 1) is the interval where there is no story, or where the labelled texts do not show that the
    classifier tells anything at all. `z` is the normal quantile: 1.959964 gives 95% two-sided.
    """
    apparent = negative / stories if stories else 0.0
    gain = rates.moved_sensitivity + rates.moved_specificity - 1
    doubt = math.sqrt(rates.sensitivity_variance + rates.specificity_variance)
    if not stories or gain <= z * doubt:
        return apparent, 0.0, 1.0
    plain = rates.sensitivity + rates.specificity - 1
    share = _bounded((apparent + rates.specificity - 1) / plain)
    trials = stories + z * z
    moved = (negative + z * z / 2) / trials
    centre = (moved + rates.moved_specificity - 1) / gain
    shift = (
        2 * z**2 * (centre * rates.sensitivity_variance - (1 - centre) * rates.specificity_variance)
    )
    variance = (
        moved * (1 - moved) / trials
        + centre**2 * rates.sensitivity_variance
        + (1 - centre) ** 2 * rates.specificity_variance
    )
    margin = z * math.sqrt(variance) / gain
    lower, upper = _bounded(centre + shift - margin), _bounded(centre + shift + margin)
    return share, min(lower, share), max(upper, share)


def _bounded(share: float) -> float:
    return min(1.0, max(0.0, share))
