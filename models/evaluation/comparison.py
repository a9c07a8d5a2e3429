"""Two models on the same texts: is one better, or is it chance?"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from models.evaluation.figures import accuracies, macro_f1s, marks_of
from models.evaluation.intervals import Interval, interval, resampled_sums
from models.evaluation.questions import Judged

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paired figures; differences are B less A, in shares of one. Of topics, a text is right where
    the likeliest topic is, and texts without a topic are left out of `texts`."""

    a: str
    b: str
    on: str
    """The task, or "negative or not" for a set that tells no more."""
    texts: int
    only_a_right: int
    only_b_right: int
    p: float
    accuracy_difference: float
    accuracy_interval: Interval
    macro_f1_difference: float
    macro_f1_interval: Interval

    @property
    def verdict(self) -> str:
        """The comparison in words.

        By accuracy where McNemar's test tells the two apart and the interval, which draws whole
        texts, leaves zero out; by macro-F1 where its interval does.
        """
        by_accuracy = self.p < SIGNIFICANT and _leaves_zero_out(self.accuracy_interval)
        by_f1 = _leaves_zero_out(self.macro_f1_interval)
        if not by_accuracy and not by_f1:
            return f"no difference shown: {self.b} {self._gains(1)}"
        decisive = self.accuracy_difference if by_accuracy else self.macro_f1_difference
        better, sign = (self.b, 1) if decisive > 0 else (self.a, -1)
        if not by_accuracy:
            return f"{better} is better by macro F1 alone: {self._gains(sign)}"
        if by_f1 and sign * self.macro_f1_difference < 0:
            return f"{better} is better by accuracy, worse by macro F1: {self._gains(sign)}"
        return f"{better} is better: {self._gains(sign)}"

    def _gains(self, sign: int) -> str:
        """The differences, seen from B (sign 1) or from A (sign -1)."""
        limits = self.macro_f1_interval
        low, high = sorted((sign * limits.low, sign * limits.high))
        chance = "p<0.001" if self.p < 0.001 else f"p={self.p:.3f}"
        return (
            f"{100 * sign * self.accuracy_difference:+.1f} points accuracy, {chance};"
            f" {100 * sign * self.macro_f1_difference:+.1f} points macro F1"
            f" (95% {100 * low:+.1f} to {100 * high:+.1f})"
        )

    def as_json(self) -> dict[str, Any]:
        """As plain values; `models.evaluation` lists the keys."""
        return {**asdict(self), "verdict": self.verdict}


def compare(a: Judged, b: Judged, a_name: str, b_name: str) -> Comparison:
    """Hold two models against each other that answered the same question."""
    on = a.question.task
    if a.question.negative_only:
        a, b, on = a.negative_or_not(), b.negative_or_not(), "negative or not"
    counted = a.question.counted
    only_a = int((a.right & ~b.right & counted).sum())
    only_b = int((b.right & ~a.right & counted).sum())
    present = np.flatnonzero(a.question.truth.any(0))
    both = np.hstack([marks_of(a), marks_of(b)])
    whole, drawn = both.sum(0)[None, :], resampled_sums(both, a.question.texts)
    half = both.shape[1] // 2
    accuracy, accuracy_drawn = (
        accuracies(sums[:, half:]) - accuracies(sums[:, :half]) for sums in (whole, drawn)
    )
    macro, macro_drawn = (
        macro_f1s(sums[:, half:], present) - macro_f1s(sums[:, :half], present)
        for sums in (whole, drawn)
    )
    return Comparison(
        a=a_name,
        b=b_name,
        on=on,
        texts=int(counted.sum()),
        only_a_right=only_a,
        only_b_right=only_b,
        p=mcnemar(only_a, only_b),
        accuracy_difference=float(accuracy[0]),
        accuracy_interval=interval(accuracy_drawn),
        macro_f1_difference=float(macro[0]),
        macro_f1_interval=interval(macro_drawn),
    )


def mcnemar(only_a: int, only_b: int) -> float:
    """Mid-p value, two-sided, that two models are right equally often, from the texts that only one
    of them has right.

    McNemar 1947; the mid-p form after Fagerland, Lydersen and Laake 2013, "The McNemar test for
    binary matched-pairs data: mid-p and asymptotic are better than exact conditional".
    """
    total, fewer = only_a + only_b, min(only_a, only_b)
    if total == 0:
        return 1.0

    def chance(count: int) -> float:
        ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
        return math.exp(ways - total * math.log(2))

    return min(1.0, 2 * math.fsum(chance(count) for count in range(fewer + 1)) - chance(fewer))


def _leaves_zero_out(limits: Interval) -> bool:
    return limits.low > 0 or limits.high < 0
