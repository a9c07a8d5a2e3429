"""How two models agree on the same texts, and how far a model's confidence can be believed."""

from collections.abc import Mapping, Sequence

import numpy as np

from models.reliability import calibration_error, reliability


def cohen_kappa(confusion: Mapping[tuple[str, str], int]) -> float | None:
    """Agreement beyond what chance would give (Cohen 1960), of counts by pair of answers.

    1 is perfect, 0 what chance gives. None without texts, or where both models always gave the
    same one answer, so that chance explains everything.
    """
    total = sum(confusion.values())
    if total == 0:
        return None
    first: dict[str, int] = {}
    second: dict[str, int] = {}
    for (one, other), count in confusion.items():
        first[one] = first.get(one, 0) + count
        second[other] = second.get(other, 0) + count
    observed = sum(count for (one, other), count in confusion.items() if one == other) / total
    by_chance = sum(count * second.get(name, 0) for name, count in first.items()) / total**2
    return None if by_chance >= 1 else (observed - by_chance) / (1 - by_chance)


def confidence_error(confidences: Sequence[float], right: Sequence[bool]) -> float | None:
    """Expected calibration error of single answers; None without texts."""
    if not confidences:
        return None
    return calibration_error(reliability(np.asarray(confidences), np.asarray(right)))
