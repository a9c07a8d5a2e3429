"""Check digits of LEIs and ISINs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.identifiers import checked_isin, checked_lei

APPLE_LEI, APPLE_ISIN = "HWUPKR0MPOU8FGXBT394", "US0378331005"


def test_codes_that_fit_come_back_in_capitals() -> None:
    assert checked_lei(f" {APPLE_LEI.lower()} ") == APPLE_LEI
    assert checked_isin(f" {APPLE_ISIN.lower()} ") == APPLE_ISIN
    for isin in ("GB0005405286", "DE000BAY0017", "NL0010273215", "JP3633400001"):
        assert checked_isin(isin) == isin


@given(place=st.integers(0, 19), digit=st.integers(0, 9), letter=st.integers(10, 35))
def test_one_wrong_letter_or_digit_of_an_lei_is_seen(place: int, digit: int, letter: int) -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    character = alphabet[digit if APPLE_LEI[place].isdigit() else letter]
    wrong = APPLE_LEI[:place] + character + APPLE_LEI[place + 1 :]
    if wrong != APPLE_LEI:
        with pytest.raises(ValueError, match="is no LEI"):
            checked_lei(wrong)


@given(place=st.integers(2, 11), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_of_an_isin_is_seen(place: int, digit: str) -> None:
    wrong = APPLE_ISIN[:place] + digit + APPLE_ISIN[place + 1 :]
    if wrong != APPLE_ISIN:
        with pytest.raises(ValueError, match="is no ISIN"):
            checked_isin(wrong)


@pytest.mark.parametrize("code", ["", "US", "US03783310050", "US037833100X", "苹果", "1S037833100"])
def test_what_has_not_the_form_is_told_what_would(code: str) -> None:
    with pytest.raises(ValueError, match="two letters, nine"):
        checked_isin(code)
    with pytest.raises(ValueError, match="18 letters or digits"):
        checked_lei(code)
