"""What an XML document is and how much of it to read, found before it is really parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

MAX_DEPTH: Final = 200
MAX_ELEMENTS: Final = 200_000
_TOO_DEEP: Final = f"elements are nested deeper than {MAX_DEPTH} levels"
_TOO_MANY: Final = f"the document has more than {MAX_ELEMENTS:,} elements"
_ENTRY_NAMES: Final = frozenset({"item", "entry"})
_ENTRY_START = re.compile(rb"<(?:[A-Za-z][\w.-]*:)?(?:item|entry)[\s>]")
_WIDE: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_TAG = re.compile(rb"<(/?)([A-Za-z_][\w.:-]*)[^<>]*?(/?)>")


@dataclass(frozen=True, slots=True)
class XmlBounds:
    root: str
    """Name of the outermost element without its prefix; "" where there is none."""
    refusal: str
    """Why the document is not to be parsed; "" where it is."""
    body: bytes
    """The document, cut after the last permitted entry and its open elements closed."""
    left_out: int


class _StopError(Exception):
    """Ends the scan: everything that it looks for is known."""


def xml_bounds(body: bytes, max_entries: int) -> XmlBounds:
    """Scans once, without building anything. Malformed documents are judged as far as they go,
    the rest by patterns, since a lenient parser will read on where a strict one stops."""
    scan = _Scan(max_entries)
    parser = expat.ParserCreate()
    # A document type may define entities that grow without end: nothing of it is expanded here.
    parser.DefaultHandler = lambda _: None
    parser.StartElementHandler = lambda name, _: scan.start(name, parser.CurrentByteIndex)
    parser.EndElementHandler = lambda _: scan.end()
    malformed = False
    try:
        parser.Parse(body, True)
    except _StopError:
        pass
    except (expat.ExpatError, ValueError, LookupError):
        malformed = True
    if scan.refusal:
        return XmlBounds(scan.root, scan.refusal, b"", 0)
    if scan.cut_at is not None:
        encoding = _WIDE.get(body[:2], "utf-8")
        closing = "".join(f"</{name}>" for name in reversed(scan.open_at_cut)).encode(encoding)
        left_out = max(1, len(_ENTRY_START.findall(body, scan.cut_at)))
        return XmlBounds(scan.root, "", body[: scan.cut_at] + closing, left_out)
    if malformed:
        return _loose_bounds(body, scan.root, max_entries)
    return XmlBounds(scan.root, "", body, 0)


class _Scan:
    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        self.root = ""
        self.open: list[str] = []
        self.entries = 0
        self.elements = 0
        self.refusal = ""
        self.cut_at: int | None = None
        self.open_at_cut: list[str] = []

    def start(self, name: str, at: int) -> None:
        local = name.rpartition(":")[2].lower()
        self.root = self.root or local
        if local in _ENTRY_NAMES:
            self.entries += 1
            if self.entries > self.max_entries:
                self.cut_at, self.open_at_cut = at, list(self.open)
                raise _StopError
        self.open.append(name)
        self.elements += 1
        if len(self.open) > MAX_DEPTH:
            self.refusal = _TOO_DEEP
        elif self.elements > MAX_ELEMENTS:
            self.refusal = _TOO_MANY
        if self.refusal:
            raise _StopError

    def end(self) -> None:
        if self.open:
            self.open.pop()


def _loose_bounds(body: bytes, root: str, max_entries: int) -> XmlBounds:
    starts = [found.start() for found in _ENTRY_START.finditer(body)]
    left_out = max(0, len(starts) - max_entries)
    if left_out:
        body = body[: starts[max_entries]]
    if body.count(b"<") > 2 * MAX_ELEMENTS:
        return XmlBounds(root, _TOO_MANY, b"", left_out)
    open_names: list[bytes] = []
    for found in _TAG.finditer(body):
        closes, name, empty = found.groups()
        root = root or name.rpartition(b":")[2].lower().decode("ascii", "replace")
        if not closes and not empty:
            open_names.append(name)
            if len(open_names) > 50 * MAX_DEPTH:
                return XmlBounds(root, _TOO_DEEP, b"", left_out)
        elif closes and name in open_names[-MAX_DEPTH:]:
            while open_names.pop() != name:
                pass
    return XmlBounds(root, "", body, left_out)
