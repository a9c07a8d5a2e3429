"""CUSUM: the earliest word that a share has turned, at a false-alarm rate that was chosen.

Page's cumulative sum of log-likelihood ratios (Biometrika 41, 1954), of the usual share p0 against
a turned one p1 at a given odds ratio. Every story adds log(p1 / p0) when it is negative and
log((1 - p1) / (1 - p0)) when it is not; the sum never falls below 0, and an alarm is raised when it
passes the threshold. No other rule with as few false alarms has a shorter mean delay in the worst
case (Moustakides, Annals of Statistics 14, 1986).

Stories of one event come together and are of one tone, and what moves a day's tone moves more
than one event. So the counts vary more than independent ones do, by a factor that is fitted by key
over spans of `burst` (`alerts/detectors/variation.py`), from `correlation` on. All that is added is
divided by it (a quasi-likelihood: Wedderburn, Biometrika 61, 1974), which makes so many stories
count as one and leaves the law of false alarms as it is for independent ones. Within a bucket the
order of stories is not known: they are added together. The usual share follows the week
(`alerts/season.py`).

The threshold follows from the wanted number of usual stories between false alarms, the rule's own
or what its budget leaves (`alerts/detectors/run_length.py` states how). A usual share that is
guessed too low raises false alarms without end, so what is not known of it is put on top, as much
as keeps the rate on average over the doubt. The memory forgets, begins with a pooled prior, and
takes in what leaves the window, never an alert's own time.

An alarm is over when the sum has fallen to half of the threshold, or when hardly any news is left
in the window.
"""

import math

from alerts.detectors import burst_grid, run_length
from alerts.detectors.memory import SeasonalMemory
from alerts.rules import CusumRule
from alerts.season import Season, hour_of_week, moved, odds
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings

LEAST_USUAL, MOST_USUAL = 0.01, 0.95
SKEWED = 4.0
"""Sums of bursts have heavier tails than their variance tells, measured as in `HEAVY`."""


class CusumDetector(SeasonalMemory, tag="cusum"):
    """The sum, and the memory that p0 is taken from."""

    total: float = 0.0
    """The sum of log-likelihood ratios, nats."""
    raised: bool = False

    def step(
        self, rule: CusumRule, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        left = self.take(rule.baseline, bucket, learning)
        season = around.season(bucket.start)
        wanted = self._wanted(rule, bucket.start, season, around)
        prior = season.prior_share(rule.prior_share)
        if rule.correlation or rule.usual is None:
            share = rule.usual or self._share(rule, prior)
            burst = share * self._together(rule.burst)
            self.learn_rhythm(
                left, bucket, learning, season, share, burst, rule.burst, rule.baseline
            )
        alike = self._alike(rule, wanted)
        usual, expected = self._in_season(rule, bucket.start, season, alike, wanted)
        if bucket.stories:
            self._tell(rule, bucket.stories, bucket.negative, usual, alike)
        threshold = self._threshold(rule, usual, alike, wanted)
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

    def retell(
        self, rule: CusumRule, stories: int, negative: int, start: int, around: Surroundings
    ) -> None:
        """Add to the sum for stories that were counted otherwise than they are now, at the usual
        share of the bucket that starts then. The sum is taken not to have been at 0 since."""
        season = around.season(start)
        wanted = self._wanted(rule, start, season, around)
        alike = self._alike(rule, wanted)
        usual, _ = self._in_season(rule, start, season, alike, wanted)
        self._tell(rule, stories, negative, usual, alike)

    def _tell(
        self, rule: CusumRule, stories: int, negative: int, usual: float, alike: float
    ) -> None:
        turned = moved(usual, rule.odds_ratio)
        told = log_likelihood_ratio(negative, stories, usual, turned)
        self.total = max(0.0, self.total + told / alike)

    def _in_season(
        self, rule: CusumRule, start: int, season: Season, alike: float, wanted: float
    ) -> tuple[float, float]:
        """The usual share that stories of a bucket are held against, and the best guess of it."""
        prior = season.prior_share(rule.prior_share)
        usual, expected = self._usual(rule, prior, alike, wanted)
        if rule.usual is None:
            hour = hour_of_week(start)
            tilt = odds(self.week.share(hour, expected, season)) / odds(expected)
            usual, expected = (_bounded(moved(share, tilt)) for share in (usual, expected))
        return usual, expected

    def _wanted(self, rule: CusumRule, start: int, season: Season, around: Surroundings) -> float:
        """Usual stories from one false alarm of the key to the next, less those that the first one
        lasts and that are let by after it."""
        if rule.false_alarms is None:
            return rule.run_length
        wanted = around.run_length(rule, start)
        share = rule.usual or self._share(rule, season.prior_share(rule.prior_share))
        turned = moved(share, rule.odds_ratio)
        threshold = run_length.small_step_threshold(wanted, share, turned)
        lasts = threshold / 2 * self._alike(rule, wanted) / run_length.divergence(share, turned)
        return max(wanted / 2, wanted - lasts - self._together(rule.cooldown))

    def _alike(self, rule: CusumRule, wanted: float) -> float:
        """Stories that count as one (Kish's design effect), on the safe side of what is known."""
        if not rule.correlation:
            return 1.0
        others = max(self.variation.others, 1.0)
        fitted = self.variation.correlation(rule.correlation) * others
        return 1 + fitted * self.variation.doubt(1 / wanted, SKEWED)

    def _together(self, seconds: int) -> float:
        """Stories that usually come within so long of one."""
        return seconds * self.stories / self.exposure_seconds if self.exposure_seconds else 0.0

    def _share(self, rule: CusumRule, prior_share: float) -> float:
        """The key's share in any season, as well as is known."""
        share = (prior_share * rule.prior_stories + self.negative) / (
            rule.prior_stories + self.stories
        )
        return _bounded(share)

    def _usual(
        self, rule: CusumRule, prior_share: float, alike: float, wanted: float
    ) -> tuple[float, float]:
        """The usual share that stories are held against, and the best guess of it."""
        if rule.usual is not None:
            return rule.usual, rule.usual
        share = self._share(rule, prior_share)
        known = rule.prior_stories + self.stories / alike
        doubt = math.sqrt(share * (1 - share) / (known + 1))
        # Alarms multiply by e^(slope x error): what they are more of on average over the error is
        # undone by a guard of so much.
        turned = moved(share, rule.odds_ratio)
        more = alarms_in_doubt(wanted / alike, share, turned, doubt)
        guard = math.log(max(1.0, more)) / alarm_slope(wanted, share, turned)
        return min(MOST_USUAL, share + guard), share

    def _threshold(self, rule: CusumRule, usual: float, alike: float, wanted: float) -> float:
        bucket = (1 + self.stories) / (1 + self.buckets)
        if rule.usual is not None and alike == 1 and bucket < 1.1:
            turned = moved(usual, rule.odds_ratio)
            return run_length.exact_threshold(wanted, usual, turned)
        return threshold(wanted, usual, rule.odds_ratio, alike, self.variation.others, bucket)


def _bounded(share: float) -> float:
    return min(MOST_USUAL, max(LEAST_USUAL, share))


def log_likelihood_ratio(negative: int, stories: int, usual: float, turned: float) -> float:
    """Of so many negative stories, turned against usual, nats."""
    return negative * math.log(turned / usual) + (stories - negative) * math.log(
        (1 - turned) / (1 - usual)
    )


def threshold(
    stories: float,
    usual: float,
    odds_ratio: float,
    alike: float,
    others: float,
    bucket_stories: float,
) -> float:
    """The threshold for a run length of so many stories, of which `alike` count as one, since each
    has `others` beside it that are like it."""
    point = burst_grid.nearest(usual, alike, others, bucket_stories)
    factor = burst_grid.factor(point, odds_ratio)
    turned = moved(usual, odds_ratio)
    return run_length.small_step_threshold(stories / factor / alike, usual, turned)


def alarms_in_doubt(stories: float, usual: float, turned: float, doubt: float) -> float:
    """How many times as many false alarms there are on average over a normal error of the usual
    share, by three points (Gauss and Hermite); hardly any where the true share is lower."""
    threshold = run_length.small_step_threshold(stories, usual, turned)
    higher = min(MOST_USUAL, usual + math.sqrt(3) * doubt)
    plain, short = (
        run_length.small_step_run_length(threshold, usual, turned, share)
        for share in (usual, higher)
    )
    return 2 / 3 + plain / short / 6


def alarm_slope(stories: float, usual: float, turned: float) -> float:
    """By how much the log of the alarm rate grows, per unit that the true share is above the usual.

    To first order: the rate is e^-(r h) for the r at which the mean of e^(r x step) is 1.
    """
    threshold = run_length.small_step_threshold(stories, usual, turned)
    steps_apart = turned / usual - (1 - turned) / (1 - usual)
    return threshold * steps_apart / run_length.divergence(turned, usual)
