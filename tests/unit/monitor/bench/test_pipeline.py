"""End to end on the embedded bus and SQLite, with a linear model."""

from pathlib import Path

import pytest

from monitor.bench.pipeline import PipelinePlan, measure_pipeline
from monitor.bench.places import fresh_settings
from monitor.failures import UsageError
from tests.unit.monitor.bench.made import write_linear

TEXTS = ["Shares fall", "Shares rise after a record profit", "A meeting is held"]


def test_all_articles_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A store in use, as the environment may name one, is left alone.
    used = tmp_path / "used.db"
    monkeypatch.setenv("UNDERTONE_STORE__URL", f"sqlite:///{used}")
    write_linear(tmp_path / "linear")
    plan = PipelinePlan(str(tmp_path / "linear"), "en", TEXTS, "cpu", 1.0, articles=40)
    found = measure_pipeline(plan)
    assert (found.articles, found.bus, found.store) == (40, "embedded", "sqlite")
    assert found.articles_per_second > 0 and found.ratio_bare > 0
    assert found.model.startswith("chance@") and "feed" in found.cpu_share
    assert not used.exists()


def test_a_store_that_is_no_postgresql_is_refused() -> None:
    for store, message in (("sqlite:///a.db", "PostgreSQL"), ("nonsense", "no database address")):
        with pytest.raises(UsageError, match=message), fresh_settings(None, store, {}):
            pass
