"""Each role by name: what it opens, and its loop."""

import os
import sys
import threading
import uuid
from collections.abc import Callable, Mapping

from alerts.channels.opening import open_channel
from models.watchlist import Watchlist
from monitor.bus.opening import open_bus
from monitor.failures import UsageError
from monitor.settings import Settings
from monitor.store.engine import open_store
from monitor.workers import aggregate
from monitor.workers.loop import patiently

Role = Callable[[Settings, threading.Event], None]


def run_ingest(settings: Settings, stop: threading.Event) -> None:
    from monitor.workers.ingest import IngestPlan, IngestWorker, sample_replay

    replays = [*([sample_replay()] if settings.sample else []), *settings.replays]
    bus = patiently("ingest", stop, lambda: open_bus(settings))
    engine = patiently("ingest", stop, lambda: open_store(settings.store_url))
    plan = IngestPlan(settings.polled_feeds, replays, settings.ingest)
    IngestWorker(bus, engine, plan, _owner()).run(stop)


def run_score(settings: Settings, stop: threading.Event) -> None:
    from models.manifest import ModelError
    from monitor.scoring import model_service
    from monitor.workers.model_watch import count_refusal
    from monitor.workers.score import ScoreWorker
    from monitor.workers.watch_models import open_watch

    service = model_service(settings, count_refusal)
    try:
        scorer = service.start()
    except ModelError as error:
        # Starting the role again would not mend the model: it ends the daemon.
        raise UsageError(f"models: {error}") from None
    watchlist = Watchlist(settings.watchlist_file.companies)
    bus = patiently("score", stop, lambda: open_bus(settings))
    aside = open_watch(settings, _owner())
    worker = ScoreWorker(
        bus, scorer, watchlist, aside, service.renewed, limit=settings.invalid_records
    )
    worker.run(stop)


def run_aggregate(settings: Settings, stop: threading.Event) -> None:
    bus = patiently("aggregate", stop, lambda: open_bus(settings))
    engine = patiently("aggregate", stop, lambda: open_store(settings.store_url))
    aggregate.run(bus, engine, stop, settings.invalid_records)


def run_detect(settings: Settings, stop: threading.Event) -> None:
    from monitor.workers.detect import DetectWorker
    from monitor.workers.follow_up import FollowUps
    from monitor.workers.housekeeping import Housekeeper

    rules = settings.rule_file.rules
    bus = patiently("detect", stop, lambda: open_bus(settings))
    engine = patiently("detect", stop, lambda: open_store(settings.store_url))
    names = [channel.name for channel in settings.channels]
    keeper = Housekeeper(engine, settings.store.retention)
    follow_ups = FollowUps(engine, rules, settings.follow_up_days)
    grouped = settings.group_alerts
    DetectWorker(bus, engine, rules, names, _owner(), keeper, follow_ups, grouped).run(stop)


def run_notify(settings: Settings, stop: threading.Event) -> None:
    from monitor.workers.notify import NotifyWorker

    engine = patiently("notify", stop, lambda: open_store(settings.store_url))
    channels = {item.name: open_channel(item, sys.stdout) for item in settings.channels}
    NotifyWorker(engine, channels, lambda alert: alert_link(settings, alert), _owner()).run(stop)


def run_web(settings: Settings, stop: threading.Event) -> None:
    from monitor.web.server import serve

    engine = patiently("web", stop, lambda: open_store(settings.store_url))
    bus = patiently("web", stop, lambda: open_bus(settings))
    serve(settings, engine, bus, stop)


ROLES: Mapping[str, Role] = {
    "ingest": run_ingest,
    "score": run_score,
    "aggregate": run_aggregate,
    "detect": run_detect,
    "notify": run_notify,
    "web": run_web,
}


def alert_link(settings: Settings, alert_id: str) -> str:
    """The console's address of an alert."""
    web = settings.web
    host = f"[{web.host}]" if ":" in web.host else web.host
    return f"{web.public_url.rstrip('/') or f'http://{host}:{web.port}'}/alerts/{alert_id}"


def _owner() -> str:
    return f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
