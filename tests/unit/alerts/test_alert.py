"""The alert's identity and its JSON."""

from datetime import datetime, timedelta, timezone

import msgspec

from alerts.alert import Alert, alert_id, fingerprint
from tests.unit.alerts.records import MOMENT, alert

NAMES = "id rule dimension key state started value lower upper baseline stories negative top"


def test_the_names_that_programs_rely_on_come_first() -> None:
    plain = alert().as_json()
    assert list(plain)[:13] == NAMES.split()
    assert plain["started"] == "2026-01-01T03:00:00Z"
    assert list(plain["top"][0]) == ["title", "source", "published", "url", "probability"]
    assert set(plain) == set(Alert.__struct_fields__)


def test_an_alert_survives_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(alert()), type=Alert) == alert()


def test_ids_follow_the_moment_whatever_its_zone_and_fingerprints_do_not() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=8)))
    assert alert_id("r", "all", "k", MOMENT) == alert_id("r", "all", "k", elsewhere)
    assert alert_id("r", "all", "k", MOMENT) != alert_id("r", "all", "k", _later(MOMENT))
    assert fingerprint("a", "bc", "d") != fingerprint("ab", "c", "d")
    assert len(fingerprint("a", "b", "c")) == 16


def _later(moment: datetime) -> datetime:
    return moment + timedelta(seconds=300)
