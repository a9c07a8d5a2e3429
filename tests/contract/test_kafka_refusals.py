"""What a Kafka broker will never take, among what it takes."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.bus import Record
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.bus.topics import TopicSettings
from monitor.dead_letters import Filter, find
from monitor.events import DEAD_LETTER_TOPICS, SCORED
from monitor.failures import Invalid, Refused
from monitor.letter_replay import replay
from monitor.letters import encode_letter, letter_of
from monitor.store.engine import open_store
from tests.servers import ON_SMALL_BROKER

pytestmark = pytest.mark.skipif(
    ON_SMALL_BROKER, reason="the small broker takes records of any size"
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SMALL = TopicSettings(max_message_bytes=20_000)
_source = random.Random(7)
FITS = [_source.randbytes(6_000) for _ in range(2)]
TOO_LARGE = _source.randbytes(30_000)


@pytest.fixture
def bus(kafka: str) -> KafkaBus:
    made = KafkaBus(KafkaConnection(kafka), f"refusals{random.randrange(10**9)}.")
    made.create_topics([SCORED], 1, SMALL)
    made.create_topics(list(DEAD_LETTER_TOPICS.values()), 1)
    return made


def test_a_record_that_is_refused_is_named_and_what_came_before_is_kept(bus: KafkaBus) -> None:
    producer = bus.producer()
    for value in (FITS[0], TOO_LARGE, FITS[1]):
        producer.send(SCORED, 0, "key", value)
    with pytest.raises(Refused, match="larger than the topic takes") as caught:
        producer.flush()
    assert 1 in caught.value.reasons and 0 not in caught.value.reasons
    assert f"refuses a record for topic '{bus.prefix}{SCORED}'" in str(caught.value)
    producer.send(SCORED, 0, "key", b"afterwards")
    producer.flush()
    producer.close()
    values = [record.value for record in bus.read(SCORED, 0)]
    assert (values[0], values[-1]) == (FITS[0], b"afterwards") and TOO_LARGE not in values


def test_records_that_fit_only_one_by_one_are_all_kept_in_order(bus: KafkaBus) -> None:
    """They are sent in batches larger than the topic takes."""
    values = [_source.randbytes(6_000) for _ in range(100)]
    producer = bus.producer()
    for start in (0, 50):
        for value in values[start : start + 50]:
            producer.send(SCORED, 0, "key", value)
        producer.flush()
    producer.close()
    assert [record.value for record in bus.read(SCORED, 0)] == values


def test_a_replay_goes_on_without_the_letter_that_is_refused(bus: KafkaBus, tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    topic = DEAD_LETTER_TOPICS["aggregate"]
    producer = bus.producer()
    for number, value in enumerate((FITS[0], TOO_LARGE, FITS[1])):
        letter = letter_of(
            "aggregate",
            Record(SCORED, 0, number, "key", value),
            Invalid("not understood then"),
            NOW + timedelta(seconds=number),
        )
        producer.send(topic, 0, "", encode_letter(letter))
    producer.close()
    outcomes = list(replay(bus, engine, find(bus, engine, Filter())))
    results = {item.letter.offset: item.result for item in outcomes}
    assert results == {0: "replayed", 1: "refused", 2: "replayed"}
    (reason,) = (item.reason for item in outcomes if item.reason)
    assert "larger than the topic takes" in reason
    assert [record.value for record in bus.read(SCORED, 0)] == FITS
    states = [item.state for item in find(bus, engine, Filter())]
    assert states == ["replayed", "waiting", "replayed"]
    engine.dispose()
