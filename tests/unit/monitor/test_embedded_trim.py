"""What every group has read goes once its retention is over, and its headers with it."""

from pathlib import Path

from monitor.bus.embedded import EmbeddedBus

FAR_AHEAD = 10.0**10


def test_headers_go_with_their_records_and_no_sooner(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics(["articles"], 2)
    producer = bus.producer()
    for number in range(4):
        for partition in range(2):
            about = ((b"number %d" % number).decode(), b"%d" % partition)
            producer.send("articles", partition, "key", b"value", (about,))
    producer.flush()
    consumer = bus.consumer("articles", "group")
    assert len(consumer.poll(100, 1.0)) == 8
    consumer.commit({("articles", 0): 4, ("articles", 1): 1})
    bus.trim("articles", 0.0)
    assert _kept(bus, "headers") == _kept(bus, "log") == [(0, 4), (1, 4)]
    bus.trim("articles", FAR_AHEAD)
    assert _kept(bus, "headers") == _kept(bus, "log") == [(1, 3)]
    producer.send("articles", 0, "key", b"more", (("number 4", b""),))
    producer.flush()
    assert [record.headers for record in bus.read("articles", 0)] == [(("number 4", b""),)]
    bus.close()


def _kept(bus: EmbeddedBus, table: str) -> list[tuple[int, int]]:
    """Partitions and how many rows they have."""
    with bus.transaction() as connection:
        return connection.execute(
            f"SELECT partition, count(*) FROM {table} GROUP BY partition ORDER BY partition"
        ).fetchall()
