"""The console's first page: open alerts on one key are one card."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from alerts.alert import Alert, alert_id
from monitor.bus.embedded import EmbeddedBus
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store, writing
from monitor.web.app import create_app
from monitor.web.board import open_events
from tests.unit.alerts.records import MOMENT, alert, story


def on(rule: str, key: str = "Acme Bank", minutes: int = 0, **fields: object) -> Alert:
    started = MOMENT + timedelta(minutes=minutes)
    name = alert_id(rule, "entity", key, started)
    return alert(id=name, rule=rule, key=key, started=started, **fields)


TURN = on("turn", severity="warning", top=(story("Sued"), story("Bank fails")))
BURST = on("burst", minutes=30, top=(story("Bank fails"), story("Fined", probability=0.99)))
OTHER = on("burst", "Other", 10)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    yield made
    made.dispose()


def test_a_card_has_the_gravest_ahead_and_each_story_once() -> None:
    first, second = open_events([BURST, OTHER, TURN])
    assert [item.rule for item in first.alerts] == ["burst", "turn"]
    assert [item.title for item in first.stories] == ["Fined", "Bank fails", "Sued"]
    assert second.alerts == (OTHER,)


def test_one_card_a_key_that_leads_to_each_alert(engine: Engine, tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    app = create_app(engine, bus, [], False, lambda: True, 0.5, "", [])
    with writing(engine) as connection:
        for item in (TURN, BURST, OTHER):
            alert_store.save(connection, item, "firing", [], MOMENT)
    with TestClient(app) as client:
        page = client.get("/").text
        assert page.count('<article class="alert') == 2
        assert "<b>2</b> open alerts" in page
        assert page.count("Bank fails") == 2
        for item in (TURN, BURST, OTHER):
            assert f'href="/alerts/{item.id}"' in page
            assert client.get(f"/alerts/{item.id}").is_success
    bus.close()
