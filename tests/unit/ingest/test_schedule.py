from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.feeds.outcomes import Failure
from ingest.feeds.schedule import first_fetch, next_fetch

NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)
RETRYABLE = Failure("retryable", "HTTP status 500", status=500)
INVALID = Failure("invalid", "HTTP status 404", status=404)
GONE = Failure("invalid", "HTTP status 410", status=410)


def seconds(failure: Failure | None, failures: int, draw: float = 0.5) -> float:
    at = next_fetch(NOW, 300, failure=failure, failures=failures, draw=draw)
    return (at - NOW).total_seconds()


def test_a_success_is_followed_after_the_interval_give_or_take_a_tenth() -> None:
    assert [seconds(None, 0, draw) for draw in (0.0, 0.5)] == [270, 300]


def test_failures_double_the_wait_up_to_a_limit() -> None:
    assert [seconds(RETRYABLE, n) for n in (1, 2, 3, 4, 5, 6)] == [300, 600, 1200, 2400, 3600, 3600]
    assert seconds(INVALID, 50) == 86_400
    assert seconds(GONE, 1) == 7 * 86_400


def test_an_interval_above_the_limit_is_not_shortened_by_failing() -> None:
    at = next_fetch(NOW, 7200, failure=RETRYABLE, failures=9, draw=0.5)
    assert (at - NOW).total_seconds() == 7200


def test_retry_after_is_a_lower_bound() -> None:
    assert seconds(Failure("retryable", "", 5_000.0, 429), 1) == 5_000
    assert seconds(Failure("retryable", "", 5.0, 429), 1) == 300


@given(
    st.integers(0, 10**6), st.floats(0, 1, exclude_max=True), st.sampled_from([RETRYABLE, INVALID])
)
def test_never_too_soon_and_never_never(failures: int, draw: float, failure: Failure) -> None:
    assert 270 <= seconds(failure, failures, draw) <= 86_400 * 1.1


def test_a_restart_keeps_the_plan_and_spreads_the_rest() -> None:
    planned = NOW + timedelta(hours=1)
    assert first_fetch(NOW, planned, spread_seconds=20, draw=0.5) == planned
    soon = NOW + timedelta(seconds=10)
    assert first_fetch(NOW, None, spread_seconds=20, draw=0.5) == soon
    assert first_fetch(NOW, NOW - timedelta(days=1), spread_seconds=20, draw=0.5) == soon
