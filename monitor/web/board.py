"""What the console's first page shows, from the store: pure data, no markup."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from alerts.alert import Alert, TopStory, gravity
from alerts.intervals import wilson
from alerts.messages import top_stories
from alerts.series import Bucket
from ingest.feeds.settings import FeedSettings
from monitor.store import alerts as alert_store
from monitor.store.feeds import StoredFeedStates
from monitor.store.readers import StoredArticle, latest_articles, scored_since, series
from monitor.stories import bucket_of

WINDOW_SECONDS = 86_400
BASELINE_SECONDS = 14 * 86_400
SPARK_HOURS = 48
SPARK_WIDTH, SPARK_HEIGHT = 160, 28
MAX_OPEN_ALERTS = 100
MAX_ROWS = 24


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One key: its negative share over a day against its two weeks before. Shares in [0, 1]."""

    dimension: str
    key: str
    stories: int
    negative: int
    share: float
    lower: float
    upper: float
    baseline: float | None
    """None while there is no history."""
    spark: str
    """Points of an SVG polyline: the share over the last two days, by three hours."""

    @property
    def rises(self) -> bool:
        """Whether even the interval's lower end is above what is usual."""
        return self.baseline is not None and self.stories >= 5 and self.lower > self.baseline


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One feed and how it is."""

    name: str
    language: str
    last_success: datetime | None
    articles: int
    error: str
    polled: bool


@dataclass(frozen=True, slots=True)
class OpenEvent:
    """The open alerts of one dimension and key."""

    alerts: tuple[Alert, ...]
    """The gravest ahead, of those the first."""
    stories: tuple[TopStory, ...]
    """Behind any of them, each once."""


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the page."""

    now: datetime
    events: Sequence[OpenEvent]
    recent_alerts: Sequence[Alert]
    trends: dict[str, list[TrendRow]]
    sources: Sequence[SourceRow]
    latest: Sequence[StoredArticle]
    articles_per_minute: float
    latency_seconds: float | None
    """Median from first seen to scored, over the latest articles."""


def board(engine: Engine, feeds: Sequence[FeedSettings], now: datetime) -> Board:
    """Read the page's content."""
    latest = latest_articles(engine, 200)
    waits = sorted(
        (item.scored - item.first_seen).total_seconds()
        for item in latest
        if item.scored >= item.first_seen and item.revised is None
    )
    states = StoredFeedStates(engine)
    sources = []
    for feed in feeds:
        state = states.load(feed.url)
        sources.append(
            SourceRow(
                feed.name,
                feed.language,
                state.last_success if state else None,
                state.articles_new if state else 0,
                state.error if state else "",
                state is not None,
            )
        )
    return Board(
        now=now,
        events=open_events(alert_store.listing(engine, alert_store.OPEN_STATES, MAX_OPEN_ALERTS)),
        recent_alerts=alert_store.listing(engine, ("resolved",), 5),
        trends={name: trends(engine, name, now) for name in ("all", "topic", "entity", "theme")},
        sources=sorted(sources, key=lambda row: (not row.error, row.name)),
        latest=latest[:12],
        articles_per_minute=scored_since(engine, now - timedelta(minutes=5)) / 5,
        latency_seconds=waits[len(waits) // 2] if waits else None,
    )


def open_events(alerts: Sequence[Alert]) -> list[OpenEvent]:
    """Open alerts by what they are about, in the order of the first of each."""
    by_key: dict[tuple[str, str], list[Alert]] = {}
    for alert in alerts:
        by_key.setdefault((alert.dimension, alert.key), []).append(alert)
    return [
        OpenEvent(
            tuple(sorted(group, key=lambda item: (-gravity(item), item.started, item.rule))),
            tuple(top_stories(group)),
        )
        for group in by_key.values()
    ]


def trends(engine: Engine, dimension: str, now: datetime) -> list[TrendRow]:
    """The keys of a dimension with stories in the last day, the most negative news first."""
    through = bucket_of(now)
    edge = through - WINDOW_SECONDS
    rows = []
    for key, buckets in series(engine, dimension, edge - BASELINE_SECONDS, through).items():
        day = [bucket for bucket in buckets if bucket.start > edge]
        stories, negative = _sums(day)
        if not stories:
            continue
        before, before_negative = _sums([bucket for bucket in buckets if bucket.start <= edge])
        lower, upper = wilson(negative, stories)
        rows.append(
            TrendRow(
                dimension,
                key,
                stories,
                negative,
                negative / stories,
                lower,
                upper,
                before_negative / before if before else None,
                _spark(buckets, through),
            )
        )
    rows.sort(key=lambda row: (-row.rises, -row.negative, row.key))
    return rows[:MAX_ROWS]


def _sums(buckets: Sequence[Bucket]) -> tuple[int, int]:
    return sum(b.stories for b in buckets), sum(b.negative for b in buckets)


def _spark(buckets: Sequence[Bucket], through: int) -> str:
    """The share in steps of three hours; a step without stories keeps the one before."""
    step, count = 3 * 3_600, SPARK_HOURS // 3
    start = through - SPARK_HOURS * 3_600
    totals = [[0, 0] for _ in range(count)]
    for bucket in buckets:
        index = (bucket.start - start) // step
        if 0 <= index < count:
            totals[index][0] += bucket.stories
            totals[index][1] += bucket.negative
    points, share = [], 0.0
    for index, (stories, negative) in enumerate(totals):
        share = negative / stories if stories else share
        x = index * SPARK_WIDTH / (count - 1)
        points.append(f"{x:.1f},{(1 - share) * (SPARK_HEIGHT - 2) + 1:.1f}")
    return " ".join(points)


def utc_now() -> datetime:
    return datetime.now(UTC)
