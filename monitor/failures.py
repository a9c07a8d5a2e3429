"""The four kinds of failure, as values and as the errors that carry them to an edge."""

from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["retryable", "invalid", "late", "bug"]


@dataclass(frozen=True, slots=True)
class Invalid:
    """A record that can never be processed, and why; it goes to the dead letters."""

    reason: str


class UsageError(ValueError):
    """The command or a configuration is wrong; the message is for the user (exit code 2)."""


class DataError(ValueError):
    """The data that was given cannot be used; the message is for the user (exit code 1)."""


class Unavailable(RuntimeError):
    """A server does not answer now: retryable. The message names the server, never a secret."""
