"""Addresses that a document names: absolute, http(s), of sane length; or none."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

MAX_URL_CHARS: Final = 2_000


def absolute_url(base: str, link: str) -> str:
    """`link` as seen from `base`; "" for anything that a browser would not open as a page."""
    link = link.strip()
    if not link or len(link) > MAX_URL_CHARS:
        return ""
    try:
        joined = urljoin(base, link)
        parts = urlsplit(joined)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    return joined if joined.isprintable() else ""
