"""Divergence: a key that turns alone, and one that turns with the others."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from alerts.crowd import Crowd
from alerts.fold import KeyState, Transition, fold
from alerts.rules import DivergenceRule
from alerts.series import Bucket
from alerts.surroundings import Surroundings
from benchmarks.streams import MONDAY, read_groups, stream
from tests.unit.alerts.records import DAY, HOUR, START, bucket, divergence, every

RULE = divergence(window="24h")
TURN = START + 30 * DAY


def together(*series: Sequence[Bucket]) -> list[Bucket]:
    summed: dict[int, tuple[int, int]] = {}
    for item in (item for own in series for item in own):
        negative, other = summed.get(item.start, (0, 0))
        summed[item.start] = negative + item.negative, other + item.stories - item.negative
    return [bucket(start, *counts) for start, counts in sorted(summed.items())]


def run(rule: DivergenceRule, own: list[Bucket], *others: list[Bucket]) -> list[Transition]:
    around = Surroundings(rule, (), together(own, *others))
    return fold(rule, None, "Acme", own, own[-1].start, None, around)[1]


def company(usual: tuple[int, int], turned: tuple[int, int]) -> list[Bucket]:
    """A month of (negative, other) stories every three hours, then a day of another kind."""
    return [
        *every(3 * HOUR, 240, *usual),
        *every(3 * HOUR, 8, *turned, start=TURN),
    ]


def test_a_company_that_turns_alone_fires() -> None:
    found = run(RULE, company((1, 4), (4, 1)), company((4, 16), (4, 16)))
    assert [item.event for item in found] == ["firing"]
    assert found[0].bucket >= TURN
    assert found[0].alert.baseline == pytest.approx(0.2, abs=0.03)


def test_one_that_turns_with_the_others_does_not() -> None:
    assert run(RULE, company((1, 4), (4, 1)), company((4, 16), (16, 4))) == []


def test_one_that_stays_bad_while_the_others_are_well_is_as_usual() -> None:
    assert run(RULE, company((4, 1), (4, 1)), company((4, 16), (4, 16))) == []


def test_a_usual_gap_is_kept_when_the_others_move() -> None:
    """Usually 50% against 20%; at 50% of the others, 80% are to be expected."""
    found = run(RULE, company((2, 2), (4, 1)), company((4, 16), (10, 10)))
    assert found == []
    assert run(RULE, company((2, 2), (4, 0)), company((4, 16), (4, 16))) != []


def test_only_its_sector_counts_where_one_is_named() -> None:
    rule = divergence(window="24h", against=["Bolt"])
    own, sector = company((1, 4), (4, 1)), company((4, 16), (16, 4))
    around = Surroundings(rule, (), sector)
    assert fold(rule, None, "Acme", own, own[-1].start, None, around)[1] == []


def test_too_few_others_are_nothing_to_hold_against() -> None:
    assert run(RULE, company((1, 4), (4, 1)), company((0, 1), (0, 1))) == []


def test_any_restart_gives_the_same_state() -> None:
    own, others = company((1, 4), (4, 1)), company((4, 16), (4, 16))
    around = Surroundings(RULE, (), together(own, others))
    whole, expected = fold(RULE, None, "Acme", own, own[-1].start, None, around)
    state: KeyState | None = None
    found: list[Transition] = []
    for item in own:
        state, some = fold(RULE, state, "Acme", [item], item.start, None, around)
        found += some
        state = msgspec.json.decode(msgspec.json.encode(state), type=KeyState)
    assert found == expected
    assert msgspec.json.encode(state) == msgspec.json.encode(whole)


def test_on_streams_like_real_ones_the_rate_is_about_what_was_asked() -> None:
    """Topics whose tone and volume follow the week, in bursts that are of one tone: what the season
    does to one it does to the others."""
    group = next(item for item in read_groups() if item.name == "flash topic")
    rule = divergence(dimension="topic", window="24h", baseline="28d", false_alarms="1 per 5d")
    source = np.random.default_rng(11)
    learning, days = 42, 100
    found = {
        f"key {number}": stream(source, group, key, MONDAY, learning + days)
        for number, key in enumerate(group.keys)
    }
    last = MONDAY + (learning + days) * DAY
    around = Surroundings(rule, Crowd().advance(rule, found, last), together(*found.values()))
    fired = sum(
        item.event == "firing" and item.bucket >= MONDAY + learning * DAY
        for key, buckets in found.items()
        for item in fold(rule, None, key, buckets, last, None, around)[1]
    )
    # Twenty are asked for: a factor of 1.5, and two standard deviations of so many.
    assert 6 <= fired <= 41


def test_a_rule_over_one_key_has_nothing_to_diverge_from() -> None:
    with pytest.raises(ValidationError, match="'topic', 'entity', 'theme', 'source' or 'language'"):
        divergence(dimension="all")
