"""Files of labelled incidents: CSV, YAML or JSON lines, with errors that name line and field."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from ruamel.yaml.comments import CommentedSeq

from alerts.incidents import Incident
from alerts.rule_fields import Names
from models.labels import TOPICS
from monitor.csvfile import cell_values, csv_rows
from monitor.yamlfile import (
    MAX_FILE_BYTES,
    Problem,
    YamlFileError,
    locate,
    plain,
    read_limited,
    read_yaml,
    suggest,
)

MAX_INCIDENTS = 10_000
DIMENSIONS = {
    "company": "entity",
    "theme": "theme",
    "topic": "topic",
    "source": "source",
    "language": "language",
}
"""Fields that name keys, and the dimension that they are of."""


@dataclass(frozen=True, slots=True)
class _Time:
    moment: datetime
    dated_by_day: bool


def _time(value: Any) -> _Time:
    """A time, in UTC where it names no zone, or a day. Raises ValueError."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return _Time(datetime.combine(value, time(), UTC), True)
    text = value.isoformat() if isinstance(value, datetime) else str(value).strip()
    try:
        found = datetime.fromisoformat(text)
        moment = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"'{text}' is no time; write 2026-03-01T08:30Z, or 2026-03-01 where the hour is unknown"
        ) from None
    if not 1970 <= moment.year <= 2200:
        raise ValueError(f"'{text}' is of no year from 1970 to 2200")
    return _Time(moment, len(text) <= len("2026-03-01"))


Time = Annotated[_Time, BeforeValidator(_time)]


class _Row(BaseModel):
    """An incident as a person writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=500)
    first_story: Time
    end: Time | None = None
    company: Names = ()
    theme: Names = ()
    topic: Names = ()
    source: Names = ()
    language: Names = ()
    key: Names = ()
    """`all`, or dimension and key: `topic markets`, `company Boeing`."""


FIELDS = tuple(_Row.model_fields)
_LISTS = (*DIMENSIONS, "key")
_NEEDED = ("name", "first_story")


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a file says of one incident, and where each field stands."""

    values: dict[str, Any]
    place: Callable[[str], tuple[int, int]]


def read_incidents(
    path: Path, companies: Collection[str], themes: Collection[str] = ()
) -> list[Incident]:
    """The incidents of a file, in its order: CSV, JSON lines or YAML by the name's end.

    Companies and themes must be of the watchlist and topics known, so that a misspelt one is not
    counted as missed. Raises YamlFileError, with a problem a line.
    """
    readers = {".csv": _csv_entries, ".jsonl": _json_entries}
    incidents: list[Incident] = []
    problems: list[Problem] = []
    known = {"company": companies, "theme": themes, "topic": TOPICS}
    for entry in readers.get(path.suffix.lower(), _yaml_entries)(path):
        found = _incident(entry.values, known)
        if isinstance(found, Incident):
            incidents.append(found)
        else:
            problems += [
                Problem(str(path), *entry.place(field), f"{field}: {message}" if field else message)
                for field, message in found
            ]
    if problems:
        raise YamlFileError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    if not 0 < len(incidents) <= MAX_INCIDENTS:
        many = f"more than {MAX_INCIDENTS}" if incidents else "no"
        raise YamlFileError([Problem(str(path), 1, 1, f"{many} incidents")])
    return incidents


def _on_line(line: int) -> Callable[[str], tuple[int, int]]:
    """All fields stand there."""
    return lambda _: (line, 1)


def _csv_entries(path: Path) -> Iterator[_Entry]:
    for line, cells in csv_rows(path, FIELDS, _NEEDED):
        yield _Entry(cell_values(cells, _LISTS), _on_line(line))


def _json_entries(path: Path) -> Iterator[_Entry]:
    for line, raw in enumerate(read_limited(path, MAX_FILE_BYTES).splitlines(), 1):
        if not raw.strip():
            continue
        try:
            values = json.loads(raw)
        except (ValueError, RecursionError):
            raise YamlFileError([Problem(str(path), line, 1, "not JSON")]) from None
        if not isinstance(values, dict):
            raise YamlFileError([Problem(str(path), line, 1, "an object a line is wanted")])
        yield _Entry(values, _on_line(line))


def _yaml_entries(path: Path) -> Iterator[_Entry]:
    document = read_yaml(path)
    listed = document.get("incidents")
    for key in document:
        if key != "incidents":
            _, line, column = locate(document, (key,), at_key=True)
            message = f"unknown key '{key}'" + suggest(str(key), ("incidents",))
            raise YamlFileError([Problem(str(path), line, column, message)])
    if not isinstance(listed, CommentedSeq):
        raise YamlFileError([Problem(str(path), 1, 1, "a list 'incidents' is wanted")])
    for index, item in enumerate(listed):

        def place(field: str, index: int = index) -> tuple[int, int]:
            _, line, column = locate(document, ("incidents", index, field))
            return line, column

        values = plain(item)
        if not isinstance(values, dict):
            raise YamlFileError([Problem(str(path), *place(""), "a mapping is wanted")])
        yield _Entry(values, place)


def _incident(
    values: dict[str, Any], known: Mapping[str, Collection[str]]
) -> Incident | list[tuple[str, str]]:
    """The incident, or what is wrong with it, as (field, message)."""
    try:
        row = _Row.model_validate(values)
    except ValidationError as error:
        return [_told(item) for item in error.errors(include_url=False, include_input=False)]
    about: list[tuple[str, str]] = []
    wrong: list[tuple[str, str]] = []
    named = [(field, field, key) for field in DIMENSIONS for key in getattr(row, field)]
    for text in row.key:
        field, _, key = text.partition(" ")
        if text == "all":
            about.append(("all", "all"))
        elif field in (*DIMENSIONS, "entity") and key.strip():
            named.append(("key", "company" if field == "entity" else field, key.strip()))
        else:
            wrong.append(("key", f"'{text}' is no key; write all, topic markets or company Boeing"))
    for field, kind, key in named:
        if kind in known and key not in known[kind]:
            what = "topic" if kind == "topic" else f"{kind} of the watchlist"
            wrong.append((field, f"'{key}' is no {what}" + _near(key, known[kind])))
        about.append((DIMENSIONS[kind], key))
    if not about and not wrong:
        wrong.append(("", f"it names nothing to find it by: {', '.join(DIMENSIONS)} or key"))
    end = None if row.end is None else row.end.moment
    if row.end is not None and row.end.dated_by_day:
        end = row.end.moment + timedelta(days=1)
    if end is not None and end <= row.first_story.moment:
        wrong.append(("end", "it is not after first_story"))
    return wrong or Incident(
        row.name,
        row.first_story.moment,
        tuple(dict.fromkeys(about)),
        end,
        row.first_story.dated_by_day,
    )


def _told(item: Any) -> tuple[str, str]:
    """A problem that pydantic found, as (field, message)."""
    field = str(item["loc"][0]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        return field, "no such field" + suggest(field, FIELDS)
    if item["type"] == "missing":
        return field, "is missing"
    return field, str(item["msg"]).removeprefix("Value error, ")


def _near(name: str, known: Collection[str]) -> str:
    """What a misspelt name may have meant; nothing where the list is long and none is near."""
    hint = suggest(name, known)
    return hint if "did you mean" in hint else ""
