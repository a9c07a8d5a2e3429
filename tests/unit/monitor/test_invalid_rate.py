"""When a role stops since too much is invalid: decided from records and times alone."""

from datetime import UTC, datetime, timedelta

from monitor.invalid_rate import InvalidRate
from monitor.settings import InvalidRecordSettings

START = datetime(2026, 3, 1, tzinfo=UTC)


def stops_at(pattern: str, seconds_apart: float = 0.0, **limit: float) -> tuple[int, str] | None:
    """The number of the record of `pattern` (x is invalid) that is too much, and the reason."""
    rate = InvalidRate(InvalidRecordSettings.model_validate(limit))
    for number, kind in enumerate(pattern, 1):
        now = START + timedelta(seconds=number * seconds_apart)
        if (reason := rate.take(kind == "x", now)) is not None:
            return number, reason
    return None


def test_fifty_in_a_row_are_borne_and_the_next_is_not() -> None:
    assert stops_at("x" * 50 + "." + "x" * 50) is None
    found = stops_at("." + "x" * 60)
    assert found is not None and found[0] == 52
    assert found[1] == "51 records in a row are invalid (invalid_records.max_in_a_row is 50)"


def test_a_fifth_of_the_window_is_borne_and_more_is_not() -> None:
    assert stops_at("x...." * 1_000) is None
    found = stops_at("x..." * 1_000)
    # The 201st invalid one, all within a thousand records.
    assert found is not None and found[0] == 801
    assert "201 of the last 1000 records" in found[1]


def test_invalid_ones_leave_the_window_with_the_records_after_them() -> None:
    assert stops_at(("x." * 100 + "." * 800) * 5) is None
    assert stops_at("x." * 101 + "." * 700 + "x." * 100) is None
    assert stops_at("x." * 101 + "." * 590 + "x." * 101) is not None


def test_what_is_long_ago_is_forgotten() -> None:
    assert stops_at("x" * 500, seconds_apart=3_600) is None
    found = stops_at("x" * 500, seconds_apart=3_600, window_seconds=86_400 * 30)
    assert found is not None and found[0] == 51


def test_limits_are_settings() -> None:
    found = stops_at("xxxx", max_in_a_row=3)
    assert found is not None and found[0] == 4
    found = stops_at("x.x.x", max_share=0.2, window_records=10)
    assert found is not None and (found[0], found[1][:21]) == (5, "3 of the last 10 reco")
