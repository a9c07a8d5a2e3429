"""The product that a peak is measured with."""

import pytest

from monitor.bench.peak import PRECISIONS, product


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_product_of_side_n_is_two_n_cubed_operations(precision: str) -> None:
    multiply = product("cpu", precision, side=8)
    assert multiply() == multiply() == 2 * 8 * 8 * 8
