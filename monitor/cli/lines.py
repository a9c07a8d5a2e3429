"""Lines from a file or a pipe, in chunks as they come."""

import contextlib
import os
import select
import stat
import sys
from collections.abc import Iterator

from monitor.failures import UsageError

CHUNK_LINES = 256
READ_BYTES = 65_536
IDLE_SECONDS = 0.2
"""After so long without more, what has come is handed on."""


@contextlib.contextmanager
def opened(file: str) -> Iterator[int]:
    """A file descriptor to read from; `-` is standard input. Raises UsageError."""
    if file == "-":
        yield sys.stdin.fileno()
        return
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file (use - for standard input)") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise UsageError(f"{file}: is a directory; a file of texts is wanted")
        yield descriptor
    finally:
        os.close(descriptor)


def chunks_of_lines(descriptor: int, max_bytes: int) -> Iterator[list[bytes]]:
    """Chunks as they fill, or as their source pauses: a slow pipe gets its answers at once.

    Of a line longer than `max_bytes` that many and one more are kept, whatever its length.
    """
    chunk: list[bytes] = []
    rest = b""
    ended = False
    while not ended:
        if chunk and not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            yield chunk
            chunk = []
        data = os.read(descriptor, READ_BYTES)
        ended = not data
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[: max_bytes + 1]
        if ended and rest:
            lines.append(rest)
        for line in lines:
            chunk.append(line[: max_bytes + 1])
            if len(chunk) == CHUNK_LINES:
                yield chunk
                chunk = []
    if chunk:
        yield chunk
