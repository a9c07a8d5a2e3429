"""Divergence: a key turns while the others do not: a company against its sector, a source against
the rest.

What is expected of a key moves with the others. From the past the key's odds of a negative story
are known against those that the others had at the times of its stories (indirect standardisation,
as in tables of mortality: each story is worth the others' share at its time). The share expected in
the window is the others' share in the same window, moved by that usual gap. The window's negative
stories are then beta-binomial around it: the doubt about the key's past, about the others' share
and the gap's own movement (`share_variation`) add up, as in `surge`.

When the whole market turns, the others turn too and nothing fires. The memory forgets, and learns
nothing while an alert is open.
"""

import math

import msgspec

from alerts.detectors.memory import Memory
from alerts.detectors.tail import MOST_ENTERING, leaving, score
from alerts.intervals import beta_binomial_tail
from alerts.rules import DivergenceRule
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings, looks

LEAST_SHARE = 0.005


class DivergenceDetector(Memory, tag="divergence"):
    """The window, what lay before it, and what the others' shares made of the same stories."""

    quoted: list[tuple[int, float]] = msgspec.field(default_factory=list)
    """(start, stories x the others' share then) of the window's buckets, oldest first."""
    others_negative: float = 0.0
    """The same of the remembered stories."""

    def step(
        self, rule: DivergenceRule, key: str, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        before = self.remembered_until
        self.take(rule.baseline, bucket, learning)
        stories, negative = self.window.stories, self.window.negative
        other_stories, other_negative = around.window_totals(bucket.end, rule.window)
        if not rule.against or key in rule.against:
            # Not below 0: a correction may have come between the reading of the two.
            other_stories = max(0, other_stories - stories)
            other_negative = min(other_stories, max(0, other_negative - negative))
        trust = rule.prior_stories
        others = (other_negative + rule.prior_share * trust) / (other_stories + trust)
        self._quote(rule, bucket, others, learning, before)
        expected = self._expected(rule, others)
        limit = rule.probability
        if rule.false_alarms is not None:
            passes = looks(negative, expected * stories)
            a_window = around.alarms_a_heard_window(rule, bucket.start)
            limit = min(MOST_ENTERING, a_window / passes)
        leave = leaving(limit)
        probability = 1.0
        if self.window.share > expected and 2 * stories >= rule.min_stories:
            known = trust + self.stories / rule.dispersion
            spread = min(
                0.95,
                1 / (known + 1)
                + 1 / (trust + other_stories / rule.dispersion + 1)
                + 4 * rule.share_variation**2,
            )
            weight = 1 / spread - 1
            probability = beta_binomial_tail(
                negative, stories, expected * weight, (1 - expected) * weight, leave
            )
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
    ) -> None:
        """Value the bucket at the others' share, and remember what left the window."""
        assert self.remembered_until is not None
        if before is not None:
            elapsed = self.remembered_until - before
            if learning:
                self.others_negative *= math.exp(-elapsed / rule.baseline)
        if bucket.stories:
            self.quoted.append((bucket.start, bucket.stories * others))
        oldest = bucket.end - rule.window
        gone = [item for item in self.quoted if item[0] < oldest]
        del self.quoted[: len(gone)]
        if learning:
            for start, worth in gone:
                age = max(0, self.remembered_until - start)
                self.others_negative += worth * math.exp(-age / rule.baseline)

    def _expected(self, rule: DivergenceRule, others: float) -> float:
        """The key's share, if it stood to the others as usual."""
        trust = rule.prior_stories
        prior = rule.prior_share * trust
        own = (self.negative + prior) / (self.stories + trust)
        theirs = (self.others_negative + prior) / (self.stories + trust)
        return _share(_log_odds(others) + _log_odds(own) - _log_odds(theirs))


def _log_odds(share: float) -> float:
    bounded = min(1 - LEAST_SHARE, max(LEAST_SHARE, share))
    return math.log(bounded / (1 - bounded))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
