"""Half precision is taken where it is measured to be faster."""

import itertools

import pytest

from models.training.device import REPEATS, fast_in_bf16


@pytest.mark.parametrize(
    ("bf16_seconds", "is_fast", "products"),
    [(0.5, True, 2 * REPEATS), (1.0, False, 2 * REPEATS), (30.0, False, REPEATS + 1)],
)
def test_an_emulated_type_is_given_up_after_one_product(
    bf16_seconds: float, is_fast: bool, products: int
) -> None:
    took = itertools.chain([1.0] * REPEATS, itertools.repeat(bf16_seconds))
    now, looks = 0.0, 0

    def clock() -> float:
        nonlocal looks, now
        looks += 1
        if looks % 2 == 0:
            now += next(took)
        return now

    assert fast_in_bf16("cpu", clock) is is_fast
    assert looks == 2 * products
