"""The table of simulated factors is that of the code beside it, and covers what rules come to."""

import random

import pytest

from alerts.detectors.burst_grid import _table, factor, nearest, simulated
from alerts.rules import CusumRule, RuleFile
from benchmarks.burst_factors import points
from tests.unit.alerts.test_default_rules import default_rules


def odds_ratios(rules: RuleFile) -> set[float]:
    return {rule.odds_ratio for rule in rules.rules if isinstance(rule, CusumRule)}


def test_the_default_rules_need_no_simulation() -> None:
    assert odds_ratios(default_rules()) | {CusumRule.model_fields["odds_ratio"].default} == {2.5, 4}
    missing = {(odds, point) for odds in (2.5, 4.0) for point in points()} - set(_table())
    assert missing == set()


def test_every_point_that_can_be_nearest_is_on_the_grid() -> None:
    grid = set(points())
    source = random.Random(7)
    for _ in range(2_000):
        found = nearest(
            source.uniform(0.01, 0.95),
            1 + source.choice([0, source.expovariate(1), source.uniform(0, 40)]),
            source.choice([0.0, source.expovariate(0.3), source.uniform(0, 500)]),
            1 + source.choice([0, source.expovariate(0.3), source.uniform(0, 500)]),
        )
        assert found in grid


@pytest.mark.parametrize("number", [100, 700, 1_500])
def test_the_table_is_what_the_simulation_gives(number: int) -> None:
    point = points()[number]
    assert factor(point, 2.5) == pytest.approx(simulated(point, 2.5), abs=1e-3)
