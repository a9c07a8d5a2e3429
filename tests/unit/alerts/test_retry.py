"""The back-off of failed deliveries."""

from datetime import timedelta

from alerts.retry import FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, MAX_ATTEMPTS, next_attempt
from tests.unit.alerts.records import MOMENT


def delay(key: str, attempts: int, retry_after_seconds: float | None = None) -> float:
    at = next_attempt(key, attempts, MOMENT, retry_after_seconds)
    assert at is not None
    return (at - MOMENT).total_seconds()


def test_the_delay_doubles_up_to_an_hour_with_a_fifth_of_jitter() -> None:
    for attempts in range(1, MAX_ATTEMPTS):
        bare = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (attempts - 1))
        assert bare <= delay("a:firing:slack", attempts) <= 1.2 * bare


def test_the_same_delivery_gets_the_same_time_and_others_another() -> None:
    assert delay("a", 3) == delay("a", 3)
    assert len({delay(str(number), 3) for number in range(40)}) > 30


def test_what_the_server_asks_for_is_honoured_within_a_day() -> None:
    assert delay("a", 1, retry_after_seconds=120) == 120
    assert delay("a", 10, retry_after_seconds=1) >= FIRST_DELAY_SECONDS
    assert delay("a", 1, retry_after_seconds=1e12) == timedelta(days=1).total_seconds()


def test_there_is_an_end() -> None:
    assert next_attempt("a", MAX_ATTEMPTS, MOMENT, None) is None
    assert next_attempt("a", 10_000, MOMENT, None) is None
