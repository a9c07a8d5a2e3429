"""Divergence: a key turns while the others do not: a company against its sector, a source against
the rest.

What is expected of a key moves with the others. From the past the key's odds of a negative story
are known against those that the others had at the times of its stories (indirect standardisation,
as in tables of mortality: each story is worth the others' share at its time). The share expected in
the window is the others' share in the same window, moved by that usual gap. The window's negative
stories are then beta-binomial around it: the doubt about the key's past, about the others' share
and the gap's own movement add up, as in `surge`. How far the gap moves is fitted by key, from
`share_variation` on, over past windows against what the others let expect of them
(`alerts/detectors/variation.py`).

When the whole market turns, the others turn too and nothing fires; so it is with the week's
rhythm, which is in both shares of the same hours and needs no model of its own. The memory forgets,
and learns nothing while an alert is open.
"""

import math

import msgspec

from alerts.detectors.memory import Memory
from alerts.detectors.tail import MOST_ENTERING, beta_binomial, leaving, score
from alerts.detectors.variation import MEMORIES, Variation
from alerts.rules import DivergenceRule
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings, looks

LEAST_SHARE = 0.005


class DivergenceDetector(Memory, tag="divergence"):
    """The window, what lay before it, and what the others' shares made of the same stories."""

    quoted: list[tuple[int, float]] = msgspec.field(default_factory=list)
    """(start, stories x the others' share then) of the window's buckets, oldest first."""
    likely: list[float] = msgspec.field(default_factory=list)
    """Negative stories that were to be expected of each of them."""
    others_negative: float = 0.0
    """Stories x the others' share then, of the remembered stories."""
    variation: Variation = msgspec.field(default_factory=Variation)
    frozen_since: int | None = None
    """When the alert that is open began, seconds since the epoch."""

    def step(
        self, rule: DivergenceRule, key: str, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        before = self.remembered_until
        left = self.take(rule.baseline, bucket, learning)
        stories, negative = self.window.stories, self.window.negative
        other_stories, other_negative = around.window_totals(bucket.end, rule.window)
        if not rule.against or key in rule.against:
            # Not below 0: a correction may have come between the reading of the two.
            other_stories = max(0, other_stories - stories)
            other_negative = min(other_stories, max(0, other_negative - negative))
        trust = rule.prior_stories
        others = (other_negative + rule.prior_share * trust) / (other_stories + trust)
        likely = self._quote(rule, bucket, others, learning, before)
        self._learn_variation(rule, bucket, left, likely, learning)
        expected = self._expected(rule, others)
        correlation = self.variation.correlation(4 * rule.share_variation**2)
        limit = rule.probability
        if rule.false_alarms is not None:
            # So many stories are one step of the window's count.
            alike = 1 + max(0, stories - 1) * correlation
            passes = looks(negative / alike, expected * stories / alike)
            passes = min(passes, max(1, len(self.window.buckets)))
            a_window = around.alarms_a_heard_window(rule, bucket.start)
            limit = min(MOST_ENTERING, a_window / passes)
        leave = leaving(limit)
        probability = 1.0
        if self.window.share > expected and 2 * stories >= rule.min_stories:
            windows = 1 + self.exposure_seconds / rule.window
            alike = max(rule.dispersion, 1 + self.stories / windows * correlation)
            known = trust + self.stories / alike
            spread = min(
                0.95,
                1 / (known + 1)
                + 1 / (trust + other_stories / rule.dispersion + 1)
                + correlation * self.variation.doubt(limit),
            )
            is_mid = rule.false_alarms is not None
            probability = beta_binomial(negative, stories, expected, spread, leave, is_mid)
        enough = stories >= rule.min_stories and other_stories >= rule.min_others
        return self.window.finding(
            entered=enough and probability < limit,
            left=probability > leave,
            baseline=expected,
            expected_negative=expected * stories,
            score=score(probability),
        )

    def _quote(
        self,
        rule: DivergenceRule,
        bucket: Bucket,
        others: float,
        learning: bool,
        before: int | None,
    ) -> list[float]:
        """Value the bucket at the others' share, and remember what left the window; how many
        negative stories were to be expected of each bucket that did."""
        assert self.remembered_until is not None
        if before is not None:
            elapsed = self.remembered_until - before
            if learning:
                self.others_negative *= math.exp(-elapsed / rule.baseline)
        if bucket.stories:
            self.quoted.append((bucket.start, bucket.stories * others))
            self.likely.append(bucket.stories * self._expected(rule, others))
        oldest = bucket.end - rule.window
        gone = [item for item in self.quoted if item[0] < oldest]
        likely = self.likely[: len(gone)]
        del self.quoted[: len(gone)], self.likely[: len(gone)]
        if learning:
            for start, worth in gone:
                age = max(0, self.remembered_until - start)
                self.others_negative += worth * math.exp(-age / rule.baseline)
        return likely

    def _learn_variation(
        self,
        rule: DivergenceRule,
        bucket: Bucket,
        left: list[tuple[int, int, int]],
        likely: list[float],
        learning: bool,
    ) -> None:
        """Take in what left the window: how far it was from what was to be expected. Of an alert
        its own time is left out."""
        if learning:
            self.frozen_since = None
        elif self.frozen_since is None:
            self.frozen_since = bucket.start
        if self.frozen_since is not None and bucket.end > self.frozen_since + rule.window:
            self.variation.leave_out()
            return
        fade = math.exp(-rule.window / (MEMORIES * rule.baseline))
        for (start, stories, negative), expected in zip(left, likely, strict=True):
            self.variation.advance(start // rule.window, _untold, fade)
            self.variation.add(stories, negative, expected)
        if self.variation.place is not None:
            over = (bucket.end - rule.window) // rule.window
            self.variation.advance(max(over, self.variation.place), _untold, fade)

    def _expected(self, rule: DivergenceRule, others: float) -> float:
        """The key's share, if it stood to the others as usual."""
        trust = rule.prior_stories
        prior = rule.prior_share * trust
        own = (self.negative + prior) / (self.stories + trust)
        theirs = (self.others_negative + prior) / (self.stories + trust)
        return _share(_log_odds(others) + _log_odds(own) - _log_odds(theirs))


def _untold(span: int) -> float:
    """Nothing is asked of the number of negative stories."""
    return 0.0


def _log_odds(share: float) -> float:
    bounded = min(1 - LEAST_SHARE, max(LEAST_SHARE, share))
    return math.log(bounded / (1 - bounded))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
