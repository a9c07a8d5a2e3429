"""The four kinds of failure, as values and as the errors that carry them to an edge."""

import hashlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FailureKind = Literal["retryable", "invalid", "late", "bug"]


@dataclass(frozen=True, slots=True)
class Invalid:
    """A record that can never be processed, and why; it goes to the dead letters.

    `stack` is the digest of the exception's stack where one was the reason.
    """

    reason: str
    stack: str = ""


class UsageError(ValueError):
    """The command or a configuration is wrong; the message is for the user (exit code 2)."""


class DataError(ValueError):
    """The data that was given cannot be used; the message is for the user (exit code 1)."""


class Unavailable(RuntimeError):
    """A server does not answer now: retryable. The message names the server, never a secret."""


class Refused(Unavailable):
    """The bus refuses a record, and will until somebody changes one of them.

    A role can only wait until it may go on, and says why. `reasons` are by the record's number in
    the order in which they were sent since the last flush; the others are durable. Of several
    some may only have waited behind one that was refused: which, shows who sends each alone.
    """

    def __init__(self, reasons: Mapping[int, str]) -> None:
        super().__init__(next(iter(reasons.values())))
        self.reasons = reasons


class TooManyInvalid(RuntimeError):
    """So much is invalid that the reader or the writer must be wrong (exit code 3)."""


def stack_digest(error: BaseException) -> str:
    """Twelve hex digits that are equal for exceptions of one kind from one place in the code."""
    frames = [
        f"{Path(frame.filename).name}:{frame.name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    return hashlib.sha256("\n".join([type(error).__qualname__, *frames]).encode()).hexdigest()[:12]
