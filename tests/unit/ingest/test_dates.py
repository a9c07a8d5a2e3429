from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dates import parse_date

SHANGHAI = ZoneInfo("Asia/Shanghai")
AFTERNOON = datetime(2026, 2, 5, 16, 18, 54, tzinfo=UTC)
IN_SHANGHAI = datetime(2026, 2, 5, 8, 18, 54, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-05 16:18:54",
        "2026/2/5 16:18:54",
        "2026.02.05 16:18:54",
        "2026年2月5日 16时18分54秒",
        "２０２６-02-05T16:18:54",
        "20260205161854",
        "20260205T161854",
        "Thu, 05 Feb 2026 16:18:54",
        "Thu Feb  5 16:18:54 2026",
        "February 5, 2026 04:18:54 PM",
    ],
)
def test_dates_without_a_zone_are_in_the_zone_given(value: str) -> None:
    assert parse_date(value) == AFTERNOON
    assert parse_date(value, SHANGHAI) == IN_SHANGHAI


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-05T16:18:54Z",
        "2026-02-05T16:18:54.000000000+00:00",
        "2026-02-05 17:18:54 CET",
        "2026-02-06T00:18:54 +0800",
        "Thu, 05 Feb 2026 16:18:54 GMT",
        "Thu, 05 Feb 26 11:18:54 EST",
        "5 Feb 2026 17:18:54 +01:00",
        "Thu, 05 Feb 2026 17:18:54 +0100 (CET)",
        "1770308334",
        "1770308334000",
        "1770308334000000",
    ],
)
def test_a_zone_in_the_value_wins(value: str) -> None:
    assert parse_date(value, SHANGHAI) == AFTERNOON


def test_an_ambiguous_zone_name_is_read_as_the_feed_uses_it() -> None:
    assert parse_date("Thu, 05 Feb 2026 16:18:54 CST", SHANGHAI) == IN_SHANGHAI
    chicago = datetime(2026, 2, 5, 22, 18, 54, tzinfo=UTC)
    assert parse_date("Thu, 05 Feb 2026 16:18:54 CST") == chicago


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-02-05", datetime(2026, 2, 5, tzinfo=UTC)),
        ("5 Feb 2026", datetime(2026, 2, 5, tzinfo=UTC)),
        ("2026-02-05T24:00:00Z", datetime(2026, 2, 6, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_days_and_edges(value: str, moment: datetime) -> None:
    assert parse_date(value) == moment


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "0001-01-01", "2026-13-01", "2026-02-30", "25:00", "not a date", "12",
     "2026-02-05 16:61", "Thu, 05 Feb 2026 16:18:54 XYZ", "9" * 40],
)  # fmt: skip
def test_what_is_no_date(value: str) -> None:
    assert parse_date(value) is None


@given(st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001
def test_iso_round_trip(local: datetime) -> None:
    moment = local.replace(tzinfo=UTC)
    assert parse_date(moment.isoformat()) == moment


@given(st.text(max_size=60))
def test_any_text_is_a_date_in_utc_or_none(value: str) -> None:
    moment = parse_date(value)
    assert moment is None or moment.tzinfo is UTC
