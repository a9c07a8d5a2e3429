"""The bucket series that detectors fold over, and the sliding window on it."""

from collections.abc import Mapping

import msgspec

from alerts.correction import Correction, Mix
from alerts.intervals import wilson

BUCKET_SECONDS = 300


class Bucket(msgspec.Struct, frozen=True):
    """Tally of a key over five minutes; negative + neutral + positive == stories."""

    start: int
    """Seconds since the epoch, a multiple of BUCKET_SECONDS."""
    stories: int = 0
    articles: int = 0
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    mix: Mix = ()
    """Its articles by kind, for rules that correct for their models' errors."""

    @property
    def end(self) -> int:
        """Seconds since the epoch."""
        return self.start + BUCKET_SECONDS


class Finding(msgspec.Struct, frozen=True):
    """What a detector sees in a window."""

    entered: bool
    """The rule's condition holds."""
    left: bool
    """The condition for an open alert to end holds."""
    value: float
    """Negative share of the window's stories."""
    lower: float
    upper: float
    """Confidence interval of the share."""
    baseline: float
    """What the share is held against: the threshold, or the key's own usual share."""
    expected_negative: float
    """Negative stories that the window would usually hold."""
    stories: int
    negative: int
    score: float
    """How far beyond its limit; for surges -log10 of the tail probability."""
    correction: Correction | None = None
    """What share and interval were corrected by, where the rule asks for it."""


class Window(msgspec.Struct):
    """Running counts over the last `seconds`; only buckets that hold something are kept."""

    seconds: int
    stories: int = 0
    negative: int = 0
    buckets: list[tuple[int, int, int]] = []
    """(start, stories, negative), oldest first."""

    @property
    def share(self) -> float:
        """Negative share of the stories; 0 where there are none."""
        return self.negative / self.stories if self.stories else 0.0

    def amend(self, changes: Mapping[int, tuple[int, int]]) -> None:
        """Add to (stories, negative) of buckets, by their starts; none may lie
        outside the window."""
        held = {start: (stories, negative) for start, stories, negative in self.buckets}
        for start, (stories, negative) in changes.items():
            before = held.get(start, (0, 0))
            held[start] = before[0] + stories, before[1] + negative
        self.buckets = [(start, *held[start]) for start in sorted(held) if held[start][0] > 0]
        self.stories = sum(stories for _, stories, _ in self.buckets)
        self.negative = sum(negative for _, _, negative in self.buckets)

    def push(self, bucket: Bucket) -> list[tuple[int, int, int]]:
        """Move the window's end to the bucket's; returns what fell out, oldest first."""
        if bucket.stories:
            self.buckets.append((bucket.start, bucket.stories, bucket.negative))
            self.stories += bucket.stories
            self.negative += bucket.negative
        oldest = bucket.end - self.seconds
        count = 0
        for start, stories, negative in self.buckets:
            if start >= oldest:
                break
            count += 1
            self.stories -= stories
            self.negative -= negative
        left = self.buckets[:count]
        del self.buckets[:count]
        return left

    def finding(
        self, *, entered: bool, left: bool, baseline: float, expected_negative: float, score: float
    ) -> Finding:
        """What a detector says of the window as it is."""
        lower, upper = wilson(self.negative, self.stories)
        return Finding(
            entered=entered,
            left=left,
            value=self.share,
            lower=lower,
            upper=upper,
            baseline=baseline,
            expected_negative=expected_negative,
            stories=self.stories,
            negative=self.negative,
            score=score,
        )
