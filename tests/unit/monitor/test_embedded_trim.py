"""What every group has read goes once its retention is over, and its headers with it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from monitor.bus.embedded import EmbeddedBus
from monitor.bus.opening import open_bus
from monitor.events import ARTICLES, DEAD_LETTER_TOPICS
from monitor.settings import Settings

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


def test_dead_letters_go_by_age_though_no_group_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    settings = Settings(data_dir=tmp_path)
    letters, *_ = DEAD_LETTER_TOPICS.values()
    bus = EmbeddedBus(path)
    bus.create_topics([letters, ARTICLES], 1)
    producer = bus.producer()
    for topic in (letters, ARTICLES):
        producer.send(topic, 0, "key", b"value")
    producer.flush()
    bus.close()
    opened = open_bus(settings)
    assert isinstance(opened, EmbeddedBus)
    assert len(list(opened.read(letters, 0))) == 1
    _age(opened, 721 * 3_600)
    opened.close()
    again = open_bus(settings)
    assert list(again.read(letters, 0)) == []
    assert again.end_offsets(letters)[0] == 1
    assert len(list(again.read(ARTICLES, 0))) == 1
    again.close()


def test_a_thread_that_comes_new_reads_while_another_writes(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    with bus.transaction(), ThreadPoolExecutor(1) as other:
        assert other.submit(bus.identity).result()
    bus.close()


def test_the_file_shrinks_by_what_was_dropped(tmp_path: Path) -> None:
    path = tmp_path / "bus.db"
    bus = EmbeddedBus(path)
    bus.create_topics(["articles"], 1)
    producer = bus.producer()
    for _ in range(300):
        producer.send("articles", 0, "key", b"v" * 10_000)
    producer.flush()
    consumer = bus.consumer("articles", "group")
    consumer.poll(1_000, 1.0)
    consumer.commit({("articles", 0): 300})
    bus.trim("articles", FAR_AHEAD)
    consumer.close()
    bus.close()
    assert path.stat().st_size < 300 * 10_000 / 10


def _age(bus: EmbeddedBus, seconds: float) -> None:
    with bus.transaction() as connection:
        connection.execute("UPDATE log SET appended = appended - ?", (seconds,))


def _kept(bus: EmbeddedBus, table: str) -> list[tuple[int, int]]:
    """Partitions and how many rows they have."""
    with bus.transaction() as connection:
        return connection.execute(
            f"SELECT partition, count(*) FROM {table} GROUP BY partition ORDER BY partition"
        ).fetchall()
