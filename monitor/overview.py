"""How far everything is, in one mapping: for `undertone status` and the console."""

from typing import Any

from sqlalchemy import Engine

from monitor.bus import Bus
from monitor.events import ARTICLES, DEAD_LETTER_TOPICS, SCORED
from monitor.settings import Settings
from monitor.store import alerts as alert_store
from monitor.store import follow_ups
from monitor.store.feeds import StoredFeedStates
from monitor.store.ingestion import positions, watermarks
from monitor.store.readers import article_count
from monitor.store.removal import oldest_article, removed_so_far
from monitor.workers.aggregate import GROUP as AGGREGATE
from monitor.workers.score import GROUP as SCORE


def status_of(settings: Settings, engine: Engine, bus: Bus) -> dict[str, Any]:
    """Plain values. Raises Unavailable where the bus or the store does not answer."""
    partitions = bus.partitions(SCORED)
    ends = {
        topic: bus.end_offsets(topic) for topic in (ARTICLES, SCORED, *DEAD_LETTER_TOPICS.values())
    }
    scored = bus.committed(ARTICLES, SCORE)
    stored = positions(engine, AGGREGATE, [(SCORED, part) for part in range(partitions)])
    marks = watermarks(engine, AGGREGATE, SCORED, partitions)
    states = StoredFeedStates(engine)
    feeds = {"ok": 0, "failing": 0, "not yet polled": 0}
    for feed in settings.polled_feeds:
        state = states.load(feed.url)
        feeds["not yet polled" if state is None else "failing" if state.error else "ok"] += 1
    return {
        "articles": article_count(engine),
        "oldest_article": oldest_article(engine),
        "waiting_to_be_scored": sum(
            end - scored.get(part, 0) for part, end in ends[ARTICLES].items()
        ),
        "waiting_to_be_counted": sum(
            end - stored.get((SCORED, part), 0) for part, end in ends[SCORED].items()
        ),
        "dead_letters": sum(sum(ends[topic].values()) for topic in DEAD_LETTER_TOPICS.values()),
        "watermark": marks[1] if marks else None,
        "open_alerts": len(alert_store.listing(engine, alert_store.OPEN_STATES)),
        "deliveries": deliveries(engine),
        "feeds": feeds,
        "housekeeping": removed_so_far(engine),
    }


def deliveries(engine: Engine) -> dict[str, int]:
    """Number of deliveries by state; a follow-up that is owed is queued, too."""
    counts = alert_store.outbox_counts(engine)
    if owed := counts.pop(follow_ups.QUEUED, 0):
        counts["queued"] = counts.get("queued", 0) + owed
    return counts
