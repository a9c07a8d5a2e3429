"""CUSUM: the earliest word that a share has turned, at a false-alarm rate that was chosen.

Page's cumulative sum of log-likelihood ratios (Biometrika 41, 1954), of the usual share p0 against
a turned one p1 at a given odds ratio. Every story adds log(p1 / p0) when it is negative and
log((1 - p1) / (1 - p0)) when it is not; the sum never falls below 0, and an alarm is raised when it
passes the threshold. No other rule with as few false alarms has a shorter mean delay in the worst
case (Moustakides, Annals of Statistics 14, 1986).

Stories of one event come together and are of one tone. Within a burst, which lasts `burst` from its
first story, the counts are beta-binomial with intra-class correlation `correlation`, and a story
adds what it says beyond the burst's earlier ones: the conditional log-likelihood ratio, which
likewise keeps a CUSUM's false alarms in check (Lai, IEEE Trans. Information Theory 44, 1998). At a
correlation of 0 that is the Bernoulli CUSUM. Within a bucket the order of stories is not known:
they are added together.

The threshold follows from the wanted number of usual stories between false alarms, the rule's own
or what its budget leaves (`alerts/detectors/run_length.py` states how). A usual share that is
guessed too low raises false alarms without end, so what is not known of it is put on top, as much
as keeps the rate on average over the doubt. The memory forgets, begins with a pooled prior, and
takes in what leaves the window, never an alert's own time.

An alarm is over when the sum has fallen to half of the threshold, or when hardly any news is left
in the window.
"""

import math

from alerts.detectors import run_length
from alerts.detectors.memory import Memory
from alerts.rules import CusumRule
from alerts.series import BUCKET_SECONDS, Bucket, Finding
from alerts.surroundings import Surroundings

LEAST_USUAL, MOST_USUAL = 0.01, 0.95
MOST_DOUBTS = 1.5
MOST_BURST_STORIES = 64
MOST_BUCKET_STORIES = 32


class CusumDetector(Memory, tag="cusum"):
    """The sum, the burst that is under way, and the memory that p0 is taken from."""

    total: float = 0.0
    """The sum of log-likelihood ratios, nats."""
    raised: bool = False
    burst_start: int | None = None
    """Start of the burst's first bucket, seconds since the epoch."""
    burst_stories: int = 0
    burst_negative: int = 0

    def step(
        self, rule: CusumRule, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        self.take(rule.baseline, bucket, learning)
        wanted = rule.run_length
        if rule.false_alarms is not None:
            wanted = around.run_length(rule, bucket.start)
        usual, expected = self._usual(rule, wanted)
        turned = turned_share(usual, rule.odds_ratio)
        if bucket.stories:
            self._add(rule, bucket, usual, turned)
        threshold = self._threshold(rule, usual, wanted)
        score = self.total - threshold
        stories = self.window.stories
        if score > 0 and stories >= rule.min_stories:
            self.raised = True
        if self.raised:
            # However long an alert lasts, its end takes no longer to see.
            self.total = min(self.total, threshold)
            if self.total <= threshold / 2 or 2 * stories < rule.min_stories:
                self.raised, self.total = False, 0.0
        return self.window.finding(
            entered=self.raised and stories >= rule.min_stories,
            left=not self.raised,
            baseline=expected,
            expected_negative=expected * stories,
            score=score,
        )

    def _add(self, rule: CusumRule, bucket: Bucket, usual: float, turned: float) -> None:
        """Add what a bucket says beyond what its burst has said."""
        fresh = self.burst_start is None or bucket.start >= self.burst_start + rule.burst
        if fresh or not rule.correlation:
            self.burst_start, self.burst_stories, self.burst_negative = bucket.start, 0, 0
        laws = usual, turned, rule.correlation
        before = log_likelihood_ratio(self.burst_negative, self.burst_stories, *laws)
        self.burst_stories += bucket.stories
        self.burst_negative += bucket.negative
        after = log_likelihood_ratio(self.burst_negative, self.burst_stories, *laws)
        self.total = max(0.0, self.total + after - before)

    def _together(self, seconds: int) -> float:
        """Stories that usually come within so long of one."""
        return seconds * self.stories / self.exposure_seconds if self.exposure_seconds else 0.0

    def _usual(self, rule: CusumRule, wanted: float) -> tuple[float, float]:
        """The usual share that stories are held against, and the best guess of it."""
        if rule.usual is not None:
            return rule.usual, rule.usual
        share = (rule.prior_share * rule.prior_stories + self.negative) / (
            rule.prior_stories + self.stories
        )
        # Kish's design effect: so many stories of a burst are worth one.
        alike = 1 + self._together(rule.burst) * rule.correlation
        known = rule.prior_stories + self.stories / alike
        doubt = math.sqrt(share * (1 - share) / (known + 1))
        share = min(MOST_USUAL, max(LEAST_USUAL, share))
        # Alarms multiply by e^(slope x error): over a normal error that is e^(slope x doubt)^2 / 2
        # on average, which a guard of slope x doubt^2 / 2 undoes.
        slope = alarm_slope(wanted, share, turned_share(share, rule.odds_ratio))
        guard = doubt * min(MOST_DOUBTS, slope * doubt / 2)
        return min(MOST_USUAL, share + guard), share

    def _threshold(self, rule: CusumRule, usual: float, wanted: float) -> float:
        burst = 1 + self._together(rule.burst)
        # Of the buckets that hold something, at Poisson's law.
        rate = self._together(BUCKET_SECONDS)
        bucket = rate / -math.expm1(-rate) if rate else 1.0
        if rule.usual is not None and not rule.correlation and bucket < 1.1:
            turned = turned_share(usual, rule.odds_ratio)
            return run_length.exact_threshold(wanted, usual, turned)
        return threshold(wanted, usual, rule.odds_ratio, rule.correlation, burst, bucket)


def turned_share(usual: float, odds_ratio: float) -> float:
    """The share at so many times the usual odds."""
    return usual * odds_ratio / (1 - usual + usual * odds_ratio)


def log_likelihood_ratio(
    negative: int, stories: int, usual: float, turned: float, correlation: float
) -> float:
    """Of so many negative stories in a burst, turned against usual; the order does not matter."""
    if not correlation:
        return negative * math.log(turned / usual) + (stories - negative) * math.log(
            (1 - turned) / (1 - usual)
        )
    trust = 1 / correlation - 1
    return _log_urn(negative, stories, turned * trust, (1 - turned) * trust) - _log_urn(
        negative, stories, usual * trust, (1 - usual) * trust
    )


def threshold(
    stories: float,
    usual: float,
    odds_ratio: float,
    correlation: float,
    burst_stories: float,
    bucket_stories: float,
) -> float:
    """The threshold for a run length of so many stories.

    The factor by which true steps lengthen the run is taken at the nearest point of a grid: it
    hardly changes from point to point, and a usual share that moves a little costs nothing.
    """
    near = 1 / (1 + math.exp(-round(2 * math.log(usual / (1 - usual))) / 2))
    turned = turned_share(near, odds_ratio)
    bucket = 2 ** round(math.log2(min(bucket_stories, MOST_BUCKET_STORIES)))
    if correlation or bucket > 1:
        burst = 2.0 ** round(math.log2(min(burst_stories, MOST_BURST_STORIES)))
        factor = run_length.burst_factor(
            near, turned, correlation, max(burst, bucket) if correlation else bucket, bucket
        )
    else:
        factor = run_length.overshoot_factor(near, turned)
    return run_length.small_step_threshold(stories / factor, usual, turned_share(usual, odds_ratio))


def alarm_slope(stories: float, usual: float, turned: float) -> float:
    """By how much the log of the alarm rate grows, per unit that the true share is above the usual.

    To first order: the rate is e^-(r h) for the r at which the mean of e^(r x step) is 1.
    """
    threshold = run_length.small_step_threshold(stories, usual, turned)
    steps_apart = turned / usual - (1 - turned) / (1 - usual)
    return threshold * steps_apart / run_length.divergence(turned, usual)


def _log_urn(negative: int, stories: int, alpha: float, beta: float) -> float:
    """Log-probability of a sequence with so many negative ones from Polya's urn."""
    return (
        math.lgamma(alpha + negative)
        - math.lgamma(alpha)
        + math.lgamma(beta + stories - negative)
        - math.lgamma(beta)
        - math.lgamma(alpha + beta + stories)
        + math.lgamma(alpha + beta)
    )
