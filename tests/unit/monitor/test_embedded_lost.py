"""An embedded bus that has less than what was read of it."""

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


@pytest.mark.parametrize(("position", "expected"), [(1, 1), (2, 0), (5, 2)])
def test_a_position_behind_the_end_is_read_from_the_beginning(
    tmp_path: Path, position: int, expected: int
) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([SCORED], 1)
    producer = bus.producer()
    for value in (b"one", b"two"):
        producer.send(SCORED, 0, "", value)
    producer.flush()
    consumer = bus.consumer(SCORED, "aggregate", lambda wanted: {(SCORED, 0): position})
    assert len(consumer.poll(10, 0.0)) == expected
    consumer.close()
    bus.close()
