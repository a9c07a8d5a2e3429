"""HTTP content codings, undone piece by piece under a limit on what comes out."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

ACCEPTED: Final = "gzip, deflate"
_STEP_BYTES: Final = 256 * 1024


class TooLargeError(Exception):
    """More came out than the limit allows."""


class NotDecodableError(Exception):
    """The body is not what its Content-Encoding says, or the coding is not one we asked for."""


def decoded(pieces: Iterable[bytes], coding: str, max_bytes: int) -> bytes:
    """The body behind `pieces`, at most `max_bytes` long however small it was on the wire.

    Raises TooLargeError or NotDecodableError. A gzip body may have several members, as servers that
    append do; "deflate" is read with or without its zlib header, as both are sent.
    """
    body = bytearray()
    names = [name.strip().lower() for name in coding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if not names:
        for piece in pieces:
            _append(body, piece, max_bytes)
        return bytes(body)
    if len(names) > 1 or names[0] not in ("gzip", "x-gzip", "deflate"):
        raise NotDecodableError(f"content coding {coding[:40]!r}, which was not asked for")
    decoder = None
    for piece in pieces:
        while piece:
            if decoder is None:
                decoder = zlib.decompressobj(_window_bits(names[0], piece))
            try:
                _append(body, decoder.decompress(piece, _STEP_BYTES), max_bytes)
            except zlib.error as error:
                raise NotDecodableError(f"body is not {names[0]} data") from error
            if decoder.eof:
                piece = decoder.unused_data.lstrip(b"\0") if names[0] != "deflate" else b""
                decoder = None
            else:
                piece = decoder.unconsumed_tail
    if decoder is not None:
        try:
            _append(body, decoder.flush(), max_bytes)
        except zlib.error as error:
            raise NotDecodableError(f"body is not {names[0]} data") from error
        if not decoder.eof:
            raise NotDecodableError(f"{names[0]} body breaks off")
    return bytes(body)


def _append(body: bytearray, piece: bytes, max_bytes: int) -> None:
    body += piece
    if len(body) > max_bytes:
        raise TooLargeError


def _window_bits(coding: str, start: bytes) -> int:
    if coding != "deflate":
        return zlib.MAX_WBITS | 16
    # RFC 1950: a zlib header is a multiple of 31 with compression method 8.
    has_header = start[0] & 0x0F == 8 and (len(start) < 2 or (start[0] << 8 | start[1]) % 31 == 0)
    return zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS
