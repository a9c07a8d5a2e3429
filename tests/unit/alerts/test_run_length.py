"""Run lengths and delays of a CUSUM, against closed forms, published figures and plain counting."""

import math
import random

import numpy as np
import pytest

from alerts.detectors.run_length import (
    burst_factor,
    design_effect,
    exact_threshold,
    overshoot_factor,
    small_step_threshold,
    stories_to_alarm,
)


@pytest.mark.parametrize("run_length", [0, 0.01, 1, 30, 1e4, 1e9])
def test_the_small_step_law_is_solved(run_length: float) -> None:
    threshold = small_step_threshold(run_length, 0.2, 0.4)
    kl = 0.2 * math.log(0.2 / 0.4) + 0.8 * math.log(0.8 / 0.6)
    assert math.expm1(threshold) - threshold == pytest.approx(run_length * kl, rel=1e-12, abs=1e-9)


def test_a_threshold_that_one_negative_story_passes_waits_for_it() -> None:
    assert stories_to_alarm(0.1, 0.2, 0.4, 0.2) == pytest.approx(5)
    assert stories_to_alarm(0.1, 0.2, 0.4, 0.4) == pytest.approx(2.5)


def test_two_in_a_row_where_one_other_story_undoes_a_negative_one() -> None:
    """At 1/3 against 2/3 the steps are as long up as down: the gambler's ruin, by hand."""
    # From 0: 1 + p x (one up) + q x (0). From one up: 1 + p x (alarm) + q x (0).
    p = 1 / 3
    assert stories_to_alarm(math.log(2) * 1.5, p, 2 / 3, p) == pytest.approx((1 + p) / p**2)


@pytest.mark.parametrize(
    ("usual", "turned", "delay"),
    [(0.1, 0.2, 62.5), (0.2, 0.3, 86.9), (0.2, 0.4, 34.5), (0.2, 0.5, 19.6), (0.3, 0.5, 40.3)],
)
def test_the_least_delays_at_a_run_length_of_a_thousand(
    usual: float, turned: float, delay: float
) -> None:
    threshold = exact_threshold(1_000, usual, turned)
    assert 1_000 <= stories_to_alarm(threshold, usual, turned, usual) < 1_060
    assert stories_to_alarm(threshold, usual, turned, turned) == pytest.approx(delay, abs=0.06)
    below = stories_to_alarm(threshold - 0.01, usual, turned, usual)
    assert below < 1_000, "it is the smallest such threshold"


def test_the_cycles_agree_with_counting() -> None:
    source, usual, turned, threshold = random.Random(3), 0.25, 0.45, 2.0
    up, down = math.log(turned / usual), math.log((1 - usual) / (1 - turned))
    total, alarms, stories = 0.0, 0, 100_000
    for _ in range(stories):
        total = max(0.0, total + (up if source.random() < usual else -down))
        if total > threshold:
            alarms, total = alarms + 1, 0.0
    counted = stories / alarms
    assert stories_to_alarm(threshold, usual, turned, usual) == pytest.approx(counted, rel=0.08)


def test_bursts_of_no_likeness_are_as_independent_stories() -> None:
    assert burst_factor(0.2, 0.4, 0, 4, 1) == pytest.approx(overshoot_factor(0.2, 0.4), rel=0.07)


def test_the_measured_factor_is_the_same_in_every_run() -> None:
    slight = burst_factor(0.2, 0.4, 0.02, 8, 1)
    burst_factor.cache_clear()
    assert burst_factor(0.2, 0.4, 0.02, 8, 1) == slight


def test_of_stories_in_bursts_fewer_count() -> None:
    assert design_effect(0.1, 1) == 1, "no other story is in the burst"
    assert design_effect(0, 8) == 1
    sizes = np.random.default_rng(1).geometric(1 / 8, 200_000)
    others = float((sizes * (sizes - 1)).sum() / sizes.sum())
    assert design_effect(0.1, 8) == pytest.approx(1 + 0.1 * others, rel=0.02)


def test_who_looks_less_often_is_alarmed_less_often() -> None:
    assert burst_factor(0.2, 0.4, 0.05, 8, 4) > 1.1 * burst_factor(0.2, 0.4, 0.05, 8, 1)
