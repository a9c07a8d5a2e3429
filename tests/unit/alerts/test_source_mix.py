"""A share's move, split into tone and mix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.messages import moved, text
from alerts.source_mix import Told, split
from tests.unit.alerts.records import DAY, alert, message


def parts(before: Told, window: Told) -> tuple[float, float]:
    found = split(before, window, DAY)
    assert found is not None
    return found.tone, found.mix


def test_sources_that_say_otherwise_are_tone() -> None:
    found = parts({"a": (100, 20), "b": (100, 40)}, {"a": (10, 6), "b": (10, 8)})
    assert found == pytest.approx((0.4, 0.0))


def test_others_that_speak_are_mix() -> None:
    before = {"calm": (90, 9), "loud": (10, 9)}
    window = {"calm": (10, 1), "loud": (90, 81)}
    assert parts(before, window) == pytest.approx((0.0, 0.64))


def test_kitagawas_interaction_is_shared_by_both() -> None:
    tone, mix = parts({"a": (50, 10), "b": (50, 10)}, {"a": (80, 40), "b": (20, 4)})
    # Of 20 points to 44: a's 30 points at 65% of the stories, and 30% more of a at 35 against 20.
    assert tone == pytest.approx(0.65 * 0.3)
    assert mix == pytest.approx(0.3 * 0.35 - 0.3 * 0.2)


def test_all_turn_and_each_day_others_speak_is_tone() -> None:
    """Where sources come and go nothing is known of each, and all is what all say."""
    before = {f"old {number}": (1, int(number < 2)) for number in range(10)}
    window = {f"new {number}": (1, int(number < 8)) for number in range(10)}
    tone, mix = parts(before, window)
    assert tone == pytest.approx(0.6)
    assert mix == pytest.approx(0.0)


def test_nothing_told_is_no_move() -> None:
    assert split({}, {"a": (3, 1)}, DAY) is None
    assert split({"a": (3, 1)}, {}, DAY) is None


counts = st.tuples(st.integers(1, 60), st.integers(0, 60)).map(lambda pair: (sum(pair), pair[1]))
told = st.dictionaries(st.sampled_from("abcdefgh"), counts, min_size=1)


@given(told, told)
def test_the_parts_are_all_of_the_move_and_the_same_backwards(before: Told, window: Told) -> None:
    found, back = split(before, window, DAY, 8), split(window, before, DAY, 8)
    assert found is not None and back is not None
    then = sum(bad for _, bad in before.values()) / sum(many for many, _ in before.values())
    now = sum(bad for _, bad in window.values()) / sum(many for many, _ in window.values())
    assert found.share == pytest.approx(then, abs=1e-6)
    assert found.tone + found.mix == pytest.approx(now - then, abs=1e-4)
    assert (back.tone, back.mix) == pytest.approx((-found.tone, -found.mix), abs=1e-5)
    assert sum(item.tone for item in found.sources) == pytest.approx(found.tone, abs=1e-4)
    assert sum(item.stories for item in found.sources) == sum(many for many, _ in window.values())


@given(told, told)
def test_the_sources_that_move_it_most_come_first(before: Told, window: Told) -> None:
    found = split(before, window, DAY, 3)
    assert found is not None
    sizes = [abs(item.tone + item.mix) for item in found.sources]
    assert len(sizes) <= 3 and sizes == sorted(sizes, reverse=True)


def test_the_message_tells_it_in_one_line() -> None:
    move = split({"a": (100, 20), "b": (100, 40)}, {"a": (10, 6), "b": (10, 8)}, 28 * DAY)
    line = "+40 points in 28 d (from 30% of 200): +40 tone of the sources, +0 which sources speak"
    assert moved(alert(move=move)) == line
    assert f"Moved by: {line}" in text(message(move=move))
    assert moved(alert()) == ""
