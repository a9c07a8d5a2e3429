"""Identifiers of companies and of their securities, checked by their check digits."""

import re

_LEI = re.compile(r"[0-9A-Z]{18}[0-9]{2}")
_ISIN = re.compile(r"[A-Z]{2}[0-9A-Z]{9}[0-9]")


def checked_lei(value: str) -> str:
    """A legal entity identifier in capitals. Raises ValueError.

    ISO 17442: 20 characters; with letters as 10 to 35 the number is 1 modulo 97 (ISO 7064).
    """
    lei = value.strip().upper()
    if not _LEI.fullmatch(lei):
        raise ValueError(f"'{value}' is no LEI: 18 letters or digits and two check digits")
    if int(_as_numbers(lei)) % 97 != 1:
        raise ValueError(f"'{value}' is no LEI: its check digits do not fit")
    return lei


def checked_isin(value: str) -> str:
    """A security's identification number in capitals. Raises ValueError.

    ISO 6166: a country's two letters, nine letters or digits, and a check digit by the algorithm of
    Luhn over the digits, letters as 10 to 35.
    """
    isin = value.strip().upper()
    if not _ISIN.fullmatch(isin):
        raise ValueError(
            f"'{value}' is no ISIN: two letters, nine letters or digits and a check digit"
        )
    total = 0
    for place, digit in enumerate(reversed(_as_numbers(isin))):
        number = int(digit) * (1 + place % 2)
        total += number // 10 + number % 10
    if total % 10:
        raise ValueError(f"'{value}' is no ISIN: its check digit does not fit")
    return isin


def _as_numbers(code: str) -> str:
    return "".join(str(int(character, 36)) for character in code)
