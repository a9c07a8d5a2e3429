"""Records that are gone before a stage reads them: told and counted, and the stage goes on."""

import pytest
from prometheus_client import REGISTRY

from monitor.events import encode
from monitor.store.claims import claim
from monitor.store.ingestion import Advance, apply
from tests.contract.reading import read
from tests.integration.stage_place import Place, bus_lines, event, key_of, place, scorer

__all__ = ["bus_lines", "place", "scorer"]


def send(place: Place, *names: str) -> None:
    for name in names:
        place.send(key_of(name), encode(event(place.stage, name)))


def lost(place: Place) -> float:
    return REGISTRY.get_sample_value("undertone_records_lost_total", {"topic": place.origin}) or 0


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [found.getMessage() for found in caplog.records if found.levelname == "ERROR"]


@pytest.mark.timeout(300)
def test_what_retention_took_unread_is_told_and_counted(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    before = lost(place)
    send(place, "never read", "a", "b")
    place.forget(1)
    place.work()
    assert place.processed() == ["a", "b"]
    assert (lost(place), errors(caplog)) == (before, []), "it begins wherever the bus does"
    send(place, "c", "d", "e")
    place.forget(5)
    place.work()
    assert place.processed() == ["a", "b", "e"]
    assert lost(place) == before + 2
    (told,) = errors(caplog)
    assert f"2 records of {place.origin}/0, 3 to 4, were gone" in told
    send(place, "f")
    place.work()
    assert place.processed() == ["a", "b", "e", "f"]
    assert (lost(place), len(errors(caplog))) == (before + 2, 1)


def stand_beyond_the_end(place: Place, offset: int) -> None:
    """As after the partition has lost its end."""
    partition = (place.origin, 0)
    if place.stage == "aggregate":
        (taken,) = claim(place.engine, "aggregate", [partition]).values()
        apply(place.engine, [], Advance("aggregate", partition, 0, offset, None, None, taken.epoch))
    else:
        consumer = place.bus.consumer(place.origin, "score")
        assert len(read(consumer, 2)) == 2
        consumer.commit({partition: offset})
        consumer.close()


@pytest.mark.timeout(300)
def test_a_partition_that_lost_its_end_is_read_again_and_told_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    send(place, "a", "b")
    stand_beyond_the_end(place, 50)
    place.work()
    assert place.processed() == ["a", "b"]
    (told,) = errors(caplog)
    assert f"{place.origin}/0 was read up to 50 and has lost its end" in told
    send(place, "c")
    place.work()
    assert place.processed() == ["a", "b", "c"]
    assert len(errors(caplog)) == 1
