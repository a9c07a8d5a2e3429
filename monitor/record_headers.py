"""What travels beside a record: the trace that it belongs to, and the version of its schema.

The trace is W3C's `traceparent` (https://www.w3.org/TR/trace-context/): an article keeps its trace
from ingest to the dead letters, and each role that sends it on is a span of its own. Nothing here
records spans, so the flag that says "sampled" is only passed on where somebody else has set it.
"""

import re
import secrets

TRACEPARENT = "traceparent"
SCHEMA_VERSION = "schema-version"

Headers = tuple[tuple[str, bytes], ...]

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}"
    rb"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?"
)


def begun(version: int) -> Headers:
    """Headers of a record that begins a trace."""
    return _headers(secrets.token_hex(16).encode(), b"00", version)


def continued(headers: Headers, version: int) -> Headers:
    """Headers of a record that came of the one with `headers`: the same trace, a new span.

    A trace that is missing or malformed begins anew, as the standard has it.
    """
    found = _TRACEPARENT.fullmatch(value_of(headers, TRACEPARENT) or b"")
    if found is None or (found[0].startswith(b"00") and found["more"]):
        return begun(version)
    return _headers(found["trace"], found["flags"], version)


def untraced(version: int) -> Headers:
    """Headers of a record that is about no article."""
    return ((SCHEMA_VERSION, str(version).encode()),)


def trace_of(headers: Headers) -> str | None:
    """The trace's id, for logs."""
    found = _TRACEPARENT.fullmatch(value_of(headers, TRACEPARENT) or b"")
    return found["trace"].decode() if found else None


def value_of(headers: Headers, name: str) -> bytes | None:
    """A header's value; the last one where there are several."""
    return next((value for key, value in reversed(headers) if key == name), None)


def _headers(trace: bytes, flags: bytes, version: int) -> Headers:
    span = secrets.token_hex(8).encode()
    return ((TRACEPARENT, b"00-%b-%b-%b" % (trace, span, flags)), *untraced(version))
