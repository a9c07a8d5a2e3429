"""Turns, with a clock that is set by hand."""

from itertools import pairwise

from monitor.bench.rounds import Lap, fitting, in_turns, median_rate, median_ratio, repeated


class Hand:
    """A clock that moves when work says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def test_ways_take_turns_and_are_timed_each() -> None:
    clock = Hand()
    order: list[str] = []

    def way(name: str, amount: float, seconds: float) -> float:
        order.append(name)
        clock.pass_by(seconds)
        return amount

    laps = in_turns(
        {"a": lambda n: way("a", 10.0 * n, 2.0), "b": lambda n: way("b", 1.0, 4.0)}, 3, clock
    )
    assert order == ["a", "b"] * 3
    assert laps["a"] == [Lap(0.0, 2.0), Lap(10.0, 2.0), Lap(20.0, 2.0)]
    assert {lap.rate for lap in laps["b"]} == {0.25}


def test_one_slow_round_does_not_move_a_median() -> None:
    ours = [Lap(10, 1), Lap(10, 100), Lap(10, 1), Lap(10, 2), Lap(10, 1)]
    theirs = [Lap(5, 1), Lap(5, 100), Lap(5, 1), Lap(5, 2), Lap(5, 1)]
    assert median_rate(ours) == 10
    # Both are slow in the same rounds, so that each round has the same ratio.
    assert median_ratio(ours, theirs) == 2


def test_what_is_repeated_fills_its_time() -> None:
    clock = Hand()

    def once() -> float:
        clock.pass_by(0.25)
        return 3.0

    assert repeated(once, 1.0, clock)(0) == 12.0
    assert repeated(once, 0.0, clock)(0) == 3.0


def test_as_many_as_fit() -> None:
    clock = Hand()
    asked: list[int] = []

    def work(count: int) -> None:
        # The first call is slow, as the first of most things is.
        clock.pass_by(0.1 * count if asked else 60.0)
        asked.append(count)

    assert fitting(work, 4, 1_000, 2.0, clock) == 20
    assert asked == [4, 4]
    assert fitting(work, 4, 15, 2.0, clock) == 15
    assert fitting(work, 4, 3, 0.01, clock) == 1
    assert all(before >= after for before, after in pairwise(asked))
