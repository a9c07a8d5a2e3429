"""When a delivery that failed is tried again: pure, jitter included."""

import hashlib
from datetime import datetime, timedelta

MAX_ATTEMPTS = 12
FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 3_600.0


def next_attempt(
    key: str, attempts: int, now: datetime, retry_after_seconds: float | None
) -> datetime | None:
    """The time of the next try after `attempts` failed ones; None when it is time to give up.

    The delay doubles from five seconds to an hour, and a jitter of up to a fifth, drawn from the
    key, keeps deliveries that failed together apart. A server's Retry-After is honoured.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    delay = min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (attempts - 1))
    digest = hashlib.sha256(f"{key}:{attempts}".encode()).digest()
    delay *= 1 + 0.2 * digest[0] / 255
    return now + timedelta(seconds=max(delay, min(retry_after_seconds or 0.0, 86_400.0)))
