"""An embedded bus that has less than what was read of it."""

import logging
from pathlib import Path

import pytest

from monitor.bus.embedded import EmbeddedBus
from monitor.events import SCORED


def test_each_commit_is_on_the_disk(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    with bus.transaction() as connection:
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
    assert synchronous == 2  # FULL
    bus.close()


@pytest.mark.parametrize(("position", "lost"), [(1, False), (2, False), (5, True)])
def test_a_position_behind_the_end_is_said_with_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, position: int, lost: bool
) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([SCORED], 1)
    producer = bus.producer()
    for value in (b"one", b"two"):
        producer.send(SCORED, 0, "", value)
    producer.flush()
    consumer = bus.consumer(SCORED, "aggregate", lambda wanted: {(SCORED, 0): position})
    with caplog.at_level(logging.ERROR):
        read = [record.value for record in consumer.poll(10, 0.0)]
    said = [record.getMessage() for record in caplog.records]
    assert len(read) == (2 if lost else 2 - position)
    assert bool(said) == lost
    for text in said:
        assert "aggregate: scored/0 ends at offset 2, and was read up to 5 before" in text
        assert f"move {tmp_path / 'bus.db'} away" in text
    consumer.close()
    bus.close()
