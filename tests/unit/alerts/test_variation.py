"""Over-dispersion fitted by key: what moments find of what was put in."""

import numpy as np
import pytest

from alerts.detectors.variation import Variation

SPANS = 2_000


def fitted(correlation: float, variation: float, mean: float = 20, share: float = 0.3) -> Variation:
    """After so many spans of beta-binomial stories, gamma-Poisson in number."""
    source = np.random.default_rng(11)
    found = Variation()
    trust = 1 / correlation - 1 if correlation else 0
    for place in range(SPANS):
        found.advance(place, lambda _: mean * share, fade=1.0)
        busy = source.gamma(variation**-2, variation**2) if variation else 1.0
        stories = int(source.poisson(mean * busy))
        own = source.beta(share * trust, (1 - share) * trust) if trust else share
        found.add(stories, int(source.binomial(stories, own)), stories * share)
    return found


@pytest.mark.parametrize("correlation", [0.0, 0.05, 0.3])
def test_the_likeness_of_stories_is_found(correlation: float) -> None:
    found = fitted(correlation, variation=0.3)
    assert found.correlation(0.1) == pytest.approx(correlation, abs=0.02)
    assert found.others == pytest.approx(20 * (1 + 0.3**2), rel=0.05)


@pytest.mark.parametrize("variation", [0.3, 0.8])
def test_the_movement_of_volume_is_found(variation: float) -> None:
    found = fitted(0.0, variation)
    assert found.variation_squared(0.5, 6.0) == pytest.approx(variation**2, rel=0.15)


def test_a_key_without_history_has_the_priors() -> None:
    empty = Variation()
    assert empty.correlation(0.04) == pytest.approx(0.04)
    assert empty.variation_squared(0.5, 1e9) == pytest.approx(0.25)
    assert empty.variation_squared(0.5, 0.1) > 4, "a story that is rare seldom comes alone"


def test_the_fewer_spans_the_more_doubt() -> None:
    assert Variation().doubt(1e-3) > fitted(0.0, 0.3).doubt(1e-3) > 1
    assert Variation().doubt(1e-6) > Variation().doubt(1e-3)


def test_a_span_that_was_seen_in_part_is_left_out() -> None:
    found = Variation()
    found.advance(5, lambda _: 1.0, 1.0)
    found.add(9, 9, 1.0)
    found.advance(6, lambda _: 1.0, 1.0)
    assert found.spans == 0
    found.advance(9, lambda _: 1.0, 1.0)
    assert found.spans == 3, "silence tells too"
    found.leave_out()
    found.advance(12, lambda _: 1.0, 1.0)
    assert found.spans == 3


def test_years_of_silence_are_not_counted_one_by_one() -> None:
    found = Variation()
    found.advance(0, lambda _: 1.0, 1.0)
    found.advance(10_000_000, lambda _: 1.0, 0.99)
    assert found.spans == pytest.approx(98.2, abs=0.5), "as many as are remembered"
