"""Waiting, with a clock that is set by hand."""

from monitor.bench.latency import percentiles, poisson_arrivals, served
from tests.unit.monitor.bench.test_rounds import Hand


def test_percentiles_are_milliseconds() -> None:
    found = percentiles([number / 1_000 for number in range(101)])
    assert found == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_arrivals_are_in_order_and_as_many_as_asked_on_average() -> None:
    found = poisson_arrivals(200, 10, seed=1)
    assert found == sorted(found) and 0 <= found[0] <= found[-1] <= 10
    assert 1_800 < len(found) < 2_200
    assert found != poisson_arrivals(200, 10, seed=2)


def test_all_that_wait_are_served_together() -> None:
    clock = Hand()
    batches: list[tuple[int, int]] = []

    def serve(first: int, last: int) -> None:
        batches.append((first, last))
        clock.pass_by(1.0)

    waits = served([0.5, 0.75, 1.0, 1.25, 9.0], serve, 2, clock, clock.pass_by)
    assert batches == [(0, 1), (1, 3), (3, 4), (4, 5)]
    # The first is answered at 1.5, the next two at 2.5, the fourth at 3.5, the last at 10.
    assert waits == [1.0, 1.75, 1.5, 2.25, 1.0]
