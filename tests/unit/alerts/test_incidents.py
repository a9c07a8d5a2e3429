"""Which alerts meet an incident, and what that says of the rules."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.alert import Alert
from alerts.incidents import Incident, judge
from tests.unit.alerts import records

DAY = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
INCIDENT = Incident("Bank fails", DAY + 9 * HOUR, (("entity", "Bank"), ("topic", "credit")))


def alert(after: timedelta, dimension: str = "entity", key: str = "Bank", name: str = "") -> Alert:
    """An alert so long after midnight."""
    return records.alert(
        id=f"{name}{after}{key}", dimension=dimension, key=key, started=DAY + after
    )


@pytest.mark.parametrize(
    ("after", "met", "found"),
    [
        (-MINUTE, False, False),
        (timedelta(), True, True),  # ahead of the first story, on its day
        (33 * HOUR, True, True),
        (33 * HOUR + 5 * MINUTE, True, True),  # raised by a story within 24 hours
        (33 * HOUR + 6 * MINUTE, True, False),
        (72 * HOUR, True, False),
        (72 * HOUR + MINUTE, False, False),
    ],
)
def test_when_an_alert_meets_an_incident(after: timedelta, met: bool, found: bool) -> None:
    assert INCIDENT.met_by(alert(after)) == met
    assert INCIDENT.found_by(alert(after)) == found


def test_an_end_that_is_named_holds() -> None:
    short = Incident("A", DAY, (("all", "all"),), DAY + HOUR)
    assert short.met_by(alert(HOUR, "all", "all"))
    assert not short.found_by(alert(2 * HOUR, "all", "all"))
    long = Incident("A", DAY, (("all", "all"),), DAY + timedelta(days=30))
    assert long.met_by(alert(timedelta(days=29), "all", "all"))


def test_only_the_keys_that_would_be_right() -> None:
    assert INCIDENT.met_by(alert(10 * HOUR, "topic", "credit"))
    assert not INCIDENT.met_by(alert(10 * HOUR, "entity", "Other"))
    assert not INCIDENT.met_by(alert(10 * HOUR, "source", "Bank"))


def test_which_rules_could_find_it() -> None:
    rule = records.surge()
    assert INCIDENT.watched_by(rule)
    assert not INCIDENT.watched_by(rule.model_copy(update={"keys": ("Other",)}))
    assert not INCIDENT.watched_by(rule.model_copy(update={"except_keys": ("Bank",)}))
    assert not INCIDENT.watched_by(rule.model_copy(update={"dimension": "source"}))


def test_figures() -> None:
    other = Incident("Rout", DAY + timedelta(days=10), (("all", "all"),))
    missed = Incident("Quiet", DAY + timedelta(days=11, hours=7), (("entity", "Quiet"),))
    late = Incident("Late", DAY + timedelta(days=20), (("entity", "Late"),))
    by_day = Incident("Day", DAY + timedelta(days=5), (("entity", "Day"),), dated_by_day=True)
    found = judge(
        [
            alert(30 * HOUR),
            alert(8 * HOUR, name="first"),
            alert(timedelta(days=10, hours=4), "all", "all"),
            alert(timedelta(days=22), key="Late"),
            alert(timedelta(days=5, hours=3), key="Day"),
            alert(timedelta(days=8)),
        ],
        [INCIDENT, other, missed, late, by_day],
        weeks=4,
    )
    assert (found.alerts, found.meeting, found.found, found.late) == (6, 5, 3, 1)
    assert (found.alerts_a_week, found.others_a_week) == (1.5, 0.25)
    assert found.precision == pytest.approx(5 / 6)
    assert found.recall == pytest.approx(3 / 5)
    # An alert an hour ahead of the first story, one four hours behind it; no hour, no delay.
    assert found.delays == [-HOUR, 4 * HOUR]
    assert found.median_delay == 1.5 * HOUR
    assert found.timed == 4
    assert [found.within(span * HOUR) for span in (2, 12, 24)] == [1, 2, 2]
    assert [item.delay for item in found.outcomes] == [
        -HOUR,
        4 * HOUR,
        None,
        timedelta(days=2),
        None,
    ]


def test_nothing_found_and_nothing_asked() -> None:
    none = judge([], [], 1)
    assert (none.precision, none.recall, none.median_delay) == (None, None, None)
