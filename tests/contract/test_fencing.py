"""Whoever took a partition last can write for it, and nobody before: both databases, both buses."""

import threading
from collections.abc import Callable, Sequence

import pytest
from sqlalchemy import Engine, func, select

from monitor.bus import Bus, TopicPartition
from monitor.events import SCORED, encode
from monitor.failures import UsageError
from monitor.store.claims import Claim, adopt_bus, claim
from monitor.store.ingestion import Advance, Fenced, apply, positions, watermarks
from monitor.store.readers import tally_rows
from monitor.store.schema import articles
from monitor.workers import aggregate
from tests.contract.membership import put_out
from tests.contract.reading import read
from tests.integration.test_run import wait_for
from tests.servers import ON_SMALL_BROKER
from tests.unit.monitor.stories_data import START, scored

PARTITION = (SCORED, 0)
TITLES = ("Bank fails", "Profit rises", "Shares fall", "Rates are cut")


@pytest.fixture
def removing_bus(bus: Bus, request: pytest.FixtureRequest) -> Bus:
    if ON_SMALL_BROKER and "kafka" in request.node.name:
        pytest.skip("the small broker puts no member out of its group")
    return bus


def send(bus: Bus, numbers: Sequence[int]) -> None:
    producer = bus.producer()
    for number in numbers:
        producer.send(SCORED, 0, "key", encode(scored(f"a{number}", TITLES[number])))
    producer.flush()
    producer.close()


def stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(articles)).scalar_one())


def taker(
    engine: Engine, claims: dict[TopicPartition, Claim]
) -> Callable[[Sequence[TopicPartition]], dict[TopicPartition, int]]:
    def take(wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        claims.update(claim(engine, aggregate.GROUP, wanted))
        return {partition: claims[partition].next_offset for partition in wanted}

    return take


def step(first: int, count: int, epoch: int) -> Advance:
    return Advance(aggregate.GROUP, PARTITION, first, first + count, None, None, epoch)


def test_each_taking_is_higher_and_goes_on_where_the_store_stands(engine: Engine) -> None:
    other = (SCORED, 1)
    assert claim(engine, "aggregate", [other, PARTITION]) == {
        PARTITION: Claim(1, 0), other: Claim(1, 0),
    }  # fmt: skip
    apply(engine, [scored("a")], step(0, 5, epoch=1))
    assert claim(engine, "aggregate", [PARTITION]) == {PARTITION: Claim(2, 5)}
    assert claim(engine, "another group", [PARTITION]) == {PARTITION: Claim(1, 0)}


def test_a_taken_partition_is_closed_even_at_the_offset_where_it_stands(engine: Engine) -> None:
    claim(engine, "aggregate", [PARTITION])
    apply(engine, [scored("a")], step(0, 1, epoch=1))
    before = list(tally_rows(engine))
    claim(engine, "aggregate", [PARTITION])
    with pytest.raises(Fenced, match="scored/0 was taken by another consumer"):
        apply(engine, [scored("b", "Another")], step(1, 1, epoch=1))
    assert list(tally_rows(engine)) == before
    assert positions(engine, "aggregate", [PARTITION]) == {PARTITION: 1}
    assert apply(engine, [scored("b", "Another")], step(1, 1, epoch=2)).inserted == 1


def test_whoever_had_a_partition_of_another_bus_cannot_write_any_more(engine: Engine) -> None:
    adopt_bus(engine, "aggregate", "first")
    assert claim(engine, "aggregate", [PARTITION]) == {PARTITION: Claim(1, 0)}
    marked = Advance(aggregate.GROUP, PARTITION, 0, 5, START, START, epoch=1)
    apply(engine, [scored("a")], marked)
    assert watermarks(engine, "aggregate", SCORED, 1) == (START, START)
    assert adopt_bus(engine, "aggregate", "second")
    assert watermarks(engine, "aggregate", SCORED, 1) is None
    # It is still on the first bus, and nobody has taken the partition of the second one yet.
    with pytest.raises(Fenced):
        apply(engine, [scored("b", "Another")], step(5, 1, epoch=1))
    (taken,) = claim(engine, "aggregate", [PARTITION]).values()
    assert (taken.next_offset, taken.epoch > 1) == (0, True)
    with pytest.raises(Fenced):
        apply(engine, [scored("b", "Another")], step(5, 1, epoch=1))
    with pytest.raises(UsageError, match="has moved on to the bus 'second'"):
        claim(engine, "aggregate", [PARTITION], "first")
    assert apply(engine, [scored("c", "A third")], step(0, 1, taken.epoch)).inserted == 1
    claimed = claim(engine, "aggregate", [PARTITION], "second")
    assert claimed == {PARTITION: Claim(taken.epoch + 1, 1)}


def test_two_consumers_of_one_partition_cannot_both_write(
    removing_bus: Bus, engine: Engine
) -> None:
    bus = removing_bus
    send(bus, range(4))
    events = [scored(f"a{number}", title) for number, title in enumerate(TITLES)]
    first_claims: dict[TopicPartition, Claim] = {}
    second_claims: dict[TopicPartition, Claim] = {}
    first = bus.consumer(SCORED, aggregate.GROUP, taker(engine, first_claims))
    assert len(read(first, 4)) == 4
    put_out(bus, aggregate.GROUP)
    second = bus.consumer(SCORED, aggregate.GROUP, taker(engine, second_claims))
    # The first does not know yet, and both have read the same records.
    assert len(read(second, 4)) == 4
    with pytest.raises(Fenced):
        apply(engine, events, step(0, 4, first_claims[PARTITION].epoch))
    assert stored(engine) == 0
    assert apply(engine, events, step(0, 4, second_claims[PARTITION].epoch)).inserted == 4
    second.commit({PARTITION: 4})
    first.commit({PARTITION: 2})
    assert bus.committed(SCORED, aggregate.GROUP)[0] == 4
    first.close()
    second.close()


def test_a_worker_whose_partition_was_taken_takes_it_again_if_it_is_still_its_own(
    bus: Bus, engine: Engine
) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=aggregate.run, args=(bus, engine, stop))
    worker.start()
    try:
        send(bus, [0, 1])
        wait_for(lambda: stored(engine) == 2, seconds=60)
        taken = claim(engine, aggregate.GROUP, [PARTITION])[PARTITION]
        send(bus, [2, 3])
        wait_for(lambda: stored(engine) == 4, seconds=60)
        assert claim(engine, aggregate.GROUP, [PARTITION])[PARTITION].epoch >= taken.epoch + 2
    finally:
        stop.set()
        worker.join()
    assert [row.articles for row in tally_rows(engine) if row.dimension == "all"] == [4]


def test_a_store_made_anew_reads_the_bus_from_its_beginning(bus: Bus, engine: Engine) -> None:
    send(bus, [0, 1])
    consumer = bus.consumer(SCORED, aggregate.GROUP)
    assert len(read(consumer, 2)) == 2
    consumer.commit({PARTITION: 2})
    consumer.close()
    stop = threading.Event()
    worker = threading.Thread(target=aggregate.run, args=(bus, engine, stop))
    worker.start()
    try:
        wait_for(lambda: stored(engine) == 2, seconds=60)
    finally:
        stop.set()
        worker.join()
    assert bus.committed(SCORED, aggregate.GROUP)[0] == 2
