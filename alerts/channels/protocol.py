"""What a channel promises."""

from dataclasses import dataclass
from typing import Protocol

from alerts.messages import Message


@dataclass(frozen=True, slots=True)
class Delivered:
    """The channel has taken the message over."""


@dataclass(frozen=True, slots=True)
class Retryable:
    """Not now; the reason holds no secret."""

    reason: str
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Never: the same message will be refused again. The reason holds no secret."""

    reason: str


Outcome = Delivered | Retryable | Rejected


class Channel(Protocol):
    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        """Deliver a message; one with the same key may have been delivered already."""
