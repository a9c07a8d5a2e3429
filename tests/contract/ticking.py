"""A round of one rule alone."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule
from monitor.detection import RuleStates, conclude, look


def tick(
    engine: Engine,
    rule: AnyRule,
    states: RuleStates,
    watermark: datetime,
    channels: Sequence[str],
    now: datetime,
) -> tuple[RuleStates, list[tuple[str, Alert]]]:
    """Fold one rule alone and save it; returns the new states and the (event, alert) announced."""
    looked = look(engine, rule, states, watermark, now)
    return looked.after, conclude(engine, [looked], watermark, channels, now)
