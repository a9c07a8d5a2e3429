"""What a rule would have announced on a store's history."""

from datetime import datetime

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule
from monitor.replays import replay
from monitor.store.watch import watched_stretches


def backtest(engine: Engine, rule: AnyRule, since: datetime, until: datetime) -> list[Alert]:
    """By time."""
    return list(replay(engine, rule, watched_stretches(engine), since, until).alerts)
