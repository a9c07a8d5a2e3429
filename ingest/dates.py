"""Dates as feeds and archives write them, to UTC."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_tz
from typing import Final

EARLIEST_YEAR: Final = 1900
"""Anything before is a program's "no date" (0001-01-01), not a publication time."""

MAX_DATE_CHARS: Final = 100

_NUMERIC = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:(?:T|\s)\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2}|[+-]\d{2}|[A-Z]{2,5})?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T?(\d{2})(\d{2})(\d{2}))?(Z|[+-]\d{4})?")
_MONTH_FIRST = re.compile(
    r"(?:[A-Z]{3,9},?\s+)?(JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)[A-Z]{0,6}\.?\s+(\d{1,2})"
    r",\s*(\d{4})(?:[\s,-]+(?:AT\s+)?(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AP]\.?M\b\.?)?)?"
    r"\s*([+-]\d{2}:?\d{2}|[A-Z]{1,5})?",
    re.IGNORECASE,
)
_MONTHS: Final = (
    "JAN",
    "FEB",
    "MAR",
    "APR",
    "MAY",
    "JUN",
    "JUL",
    "AUG",
    "SEP",
    "OCT",
    "NOV",
    "DEC",
)
_EPOCH = re.compile(r"-?\d{9,19}(?:\.\d+)?")
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?")
# Zones that RFC 822 does not name but feeds do; hours from UTC. Names that several countries
# share (CST, IST) follow the feed's own time zone where that uses the name.
_ZONE_HOURS: Final[dict[str, float]] = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "mez": 1,
    "cest": 2, "mesz": 2, "eet": 2, "sast": 2, "eest": 3, "msk": 3, "gst": 4, "pkt": 5,
    "ist": 5.5, "wib": 7, "ict": 7, "hkt": 8, "sgt": 8, "myt": 8, "pht": 8, "awst": 8, "jst": 9,
    "kst": 9, "acst": 9.5, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13, "brt": -3, "art": -3,
    "nst": -3.5, "ast": -4, "adt": -3, "est": -5, "edt": -4, "et": -5, "cst": -6, "cdt": -5,
    "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}  # fmt: skip


def parse_date(value: str, zone: tzinfo = UTC) -> datetime | None:
    """The moment that `value` names, in UTC; None when it names none.

    Reads ISO 8601 and its relatives ("2026-02-05 16:18:54", "2026/2/5 16:18",
    "2026年2月5日 16时18分", "20260205161854"), epoch seconds, milliseconds, microseconds and
    nanoseconds, RFC 822, and "October 3, 2011 08:59 PM". `zone` holds where the value names no
    zone of its own.
    """
    value = unicodedata.normalize("NFKC", value[:MAX_DATE_CHARS]).strip()
    for read in (_numeric, _compact, _epoch, _month_first, _rfc822):
        try:
            moment = read(value, zone)
            if moment is not None:
                moment = moment.astimezone(UTC)
                return moment if moment.year >= EARLIEST_YEAR else None
        except (ValueError, OverflowError):
            return None
    return None


def from_epoch(number: float) -> datetime | None:
    """Epoch seconds, milliseconds, microseconds or nanoseconds, told apart by size."""
    size = abs(number)
    for limit, unit in ((1e11, 1), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9)):
        if size < limit:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / unit)
    return None


def _numeric(value: str, zone: tzinfo) -> datetime | None:
    for sign, plain in (
        ("年", "-"),
        ("月", "-"),
        ("日", " "),
        ("时", ":"),
        ("分", ":"),
        ("秒", ""),
    ):
        value = value.replace(sign, plain)
    value = re.sub(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})", r"\1-\2-\3", value).strip(": ")
    found = _NUMERIC.fullmatch(value)
    if found is None:
        return None
    year, month, day = (int(found[n]) for n in (1, 2, 3))
    hour, minute, second = (int(found[n] or 0) for n in (4, 5, 6))
    microsecond = int((found[7] or "").ljust(6, "0")[:6])
    return _moment(year, month, day, hour, minute, second, microsecond, found[8] or "", zone)


def _compact(value: str, zone: tzinfo) -> datetime | None:
    found = _COMPACT.fullmatch(value)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[n] or 0) for n in range(1, 7))
    return _moment(year, month, day, hour, minute, second, 0, found[7] or "", zone)


def _epoch(value: str, zone: tzinfo) -> datetime | None:
    del zone
    return from_epoch(float(value)) if _EPOCH.fullmatch(value) else None


def _month_first(value: str, zone: tzinfo) -> datetime | None:
    found = _MONTH_FIRST.fullmatch(value)
    if found is None:
        return None
    month = _MONTHS.index(found[1].upper()) + 1
    hour, minute, second = (int(found[n] or 0) for n in (4, 5, 6))
    if half := (found[7] or "").upper():
        hour = hour % 12 + (12 if half.startswith("P") else 0)
    return _moment(
        int(found[3]), month, int(found[2]), hour, minute, second, 0, found[8] or "", zone
    )


def _rfc822(value: str, zone: tzinfo) -> datetime | None:
    # The zone is read apart: the library takes names that it does not know for UTC.
    body, _, last = re.sub(r"\s*\([^)]*\)$", "", value).rpartition(" ")
    named = _OFFSET.fullmatch(last) is not None or re.fullmatch(r"[A-Za-z]{1,5}", last) is not None
    local = body if named else value
    parts = parsedate_tz(local) or parsedate_tz(f"{local} 00:00")
    if parts is None:
        return None
    year, month, day, hour, minute, second = parts[:6]
    return _moment(year, month, day, hour, minute, second, 0, last if named else "", zone)


def _moment(
    year: int,
    month: int,
    day: int,
    hour: int,
    minute: int,
    second: int,
    microsecond: int,
    name: str,
    zone: tzinfo,
) -> datetime:
    """Raises ValueError for a field out of range or a zone that nobody knows."""
    next_day = hour == 24 and minute == 0 and second == 0
    local = datetime(
        year, month, day, 0 if next_day else hour, minute, min(second, 59), microsecond, tzinfo=UTC
    )
    if second > 60:
        raise ValueError(f"second {second}")
    local += timedelta(days=next_day)
    return local.replace(tzinfo=_zone(name, local, zone))


def _zone(name: str, local: datetime, zone: tzinfo) -> tzinfo:
    if not name:
        return zone
    if found := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(-offset if found[1] == "-" else offset)
    if zone.tzname(local.replace(tzinfo=None)) == name.upper():
        return zone
    hours = _ZONE_HOURS.get(name.lower())
    if hours is None:
        raise ValueError(f"unknown time zone {name!r}")
    return timezone(timedelta(hours=hours))
