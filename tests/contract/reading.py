"""Reading a bus in tests."""

from monitor.bus import Consumer, Record


def read(consumer: Consumer, count: int) -> list[Record]:
    """Poll until so many records have come; fewer when none come for 30 polls of a second."""
    records: list[Record] = []
    empty = 0
    while len(records) < count and empty < 30:
        found = consumer.poll(100, 1.0)
        empty = 0 if found else empty + 1
        records += found
    return records
