"""Reading a bus without a group, and records that are odd, on both buses."""

from monitor.bus import Bus
from monitor.bus.kafka import KafkaBus
from tests.contract.reading import read
from tests.contract.test_bus import TOPIC, send


def test_records_are_read_between_offsets_without_a_group(bus: Bus) -> None:
    send(bus, 1, *(b"%d" % number for number in range(5)))
    assert [record.value for record in bus.read(TOPIC, 1)] == [b"0", b"1", b"2", b"3", b"4"]
    some = list(bus.read(TOPIC, 1, 2, 4))
    assert [(record.offset, record.value) for record in some] == [(2, b"2"), (3, b"3")]
    assert (some[0].topic, some[0].partition, some[0].key) == (TOPIC, 1, "key")
    assert list(bus.read(TOPIC, 0)) == list(bus.read(TOPIC, 1, 5)) == []
    assert list(bus.read(TOPIC, 1, 4, 99)) == list(bus.read(TOPIC, 1, 4))
    assert bus.committed(TOPIC, "group") == {}


def test_a_reader_may_leave_off(bus: Bus) -> None:
    send(bus, 0, b"one", b"two")
    assert next(iter(bus.read(TOPIC, 0))).value == b"one"
    assert [record.value for record in bus.read(TOPIC, 0, 1)] == [b"two"]


def test_a_missing_value_and_any_key_travel_unchanged(bus: Bus) -> None:
    keys = ["", "负面"]
    if isinstance(bus, KafkaBus):
        # Others write there too.
        keys.append(b"\xff\x00".decode("utf-8", "surrogateescape"))
    producer = bus.producer()
    for key in keys:
        producer.send(TOPIC, 0, key, None)
    producer.send(TOPIC, 0, "key", b"")
    producer.close()
    expected = [*((key, None) for key in keys), ("key", b"")]
    assert [(record.key, record.value) for record in bus.read(TOPIC, 0)] == expected
    consumer = bus.consumer(TOPIC, "group")
    assert [(record.key, record.value) for record in read(consumer, len(expected))] == expected
    consumer.close()
