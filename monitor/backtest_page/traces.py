"""What a rule saw of each key over a span of time, thinned to what a plot can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.series import Bucket, Finding

POINTS = 400


@dataclass(frozen=True, slots=True)
class Point:
    """A window as the detector saw it."""

    end: int
    """Of the window, seconds since the epoch."""
    finding: Finding


class Traces:
    """Keeps, for each key and each of `POINTS` parts of the time, the window with the highest
    score: what raised an alert is never thinned out."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.since, self.until = since.timestamp(), until.timestamp()
        self._kept: dict[str, dict[int, Point]] = {}

    def __call__(self, key: str, bucket: Bucket, finding: Finding) -> None:
        """Take in what was seen at the end of a bucket."""
        if not self.since <= bucket.end <= self.until or not finding.stories:
            return
        part = int(POINTS * (bucket.end - self.since) / (self.until - self.since))
        kept = self._kept.setdefault(key, {})
        if part not in kept or finding.score >= kept[part].finding.score:
            kept[part] = Point(bucket.end, finding)

    def points(self, key: str) -> Sequence[Point]:
        """By time; none where there was no news of the key."""
        return list(self._kept.get(key, {}).values())
