from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.lib
import pyarrow.parquet
import pytest
import zstandard

from ingest.archives import ArchiveError, RefusedRow, read_archive
from ingest.article import Article

# The library has no types.
_TABLE: Callable[..., Any] = pyarrow.lib.Table.from_pylist
_WRITE: Callable[..., Any] = pyarrow.parquet.write_table

ROWS: list[dict[str, object]] = [
    {
        "published": "2026-02-05T16:18:54+08:00",
        "source": "Ex",
        "title": "P/E < 5 &amp; rising",
        "text": "<p>Down,\n“now”</p>",
        "language": "en-US",
        "url": "https://ex.com/a?utm_source=x",
    },
    {
        "published": "2026-02-05 08:18:54",
        "source": "例",
        "title": "央行降准",
        "text": "",
        "language": "zh",
        "url": "",
    },
]
MOMENT = datetime(2026, 2, 5, 8, 18, 54, tzinfo=UTC)


def json_lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def as_csv(rows: list[dict[str, object]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows: list[dict[str, object]]) -> bytes:
    out = io.BytesIO()
    _WRITE(_TABLE(rows), out)
    return out.getvalue()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


FORMATS = {"jsonl": json_lines, "csv": as_csv, "parquet": parquet}


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def articles(path: Path, **options: Any) -> list[Article]:
    found = list(read_archive(path, **options))
    assert all(isinstance(one, Article) for one in found), found
    return [one for one in found if isinstance(one, Article)]


def refusals(path: Path, **options: Any) -> list[str]:
    return [str(one) for one in read_archive(path, **options) if isinstance(one, RefusedRow)]


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_every_format_gives_the_same_articles(tmp_path: Path, suffix: str, packing: str) -> None:
    data = FORMATS[suffix](ROWS)
    data = {"": data, ".gz": gzip.compress(data), ".zst": zstd(data)}[packing]
    path = write(tmp_path, f"news.{suffix}{packing}", data)
    plain = articles(write(tmp_path, "plain.jsonl", json_lines(ROWS)))
    found = articles(path)
    assert found == plain
    first, second = found
    assert (first.title, first.text) == ("P/E < 5 & rising", "Down, “now”")
    assert (first.source, first.language, first.published) == ("Ex", "en", MOMENT)
    assert (first.url, first.first_seen) == ("https://ex.com/a?utm_source=x", MOMENT)
    assert (second.title, second.language, second.published) == ("央行降准", "zh", MOMENT)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_other_column_names_are_mapped(tmp_path: Path, suffix: str) -> None:
    rows: list[dict[str, object]] = [{"when": "2026-02-05", "headline": "t", "x": 1}]
    path = write(tmp_path, f"a.{suffix}", FORMATS[suffix](rows))
    mapping = {"title": "headline", "published": "when"}
    (article,) = articles(path, mapping=mapping, source_default="Desk")
    assert (article.title, article.source) == ("t", "Desk")
    with pytest.raises(ArchiveError) as error:
        read_archive(path, {**mapping, "text": "bodyy"}, "Desk")
    assert str(error.value) == (
        f"{path}: has no column 'bodyy' to read as text; it has 'when', 'headline', 'x'"
    )
    with pytest.raises(ArchiveError, match=r"no column 'title'; it has 'when', .*title=COLUMN"):
        read_archive(path, {"published": "when"}, "Desk")
    with pytest.raises(ArchiveError, match=r"has no column 'source'.*give one source for all rows"):
        read_archive(path, mapping)
    with pytest.raises(ArchiveError, match="'headline' cannot be mapped; columns are published, "):
        read_archive(path, {"headline": "title"}, "Desk")


@pytest.mark.parametrize(
    "value",
    ["2026-02-05T16:18:54+08:00", "2026-02-05 08:18:54", "2026-02-05T08:18:54Z", "1770279534",
     1770279534, 1770279534000, 1770279534.0, "Thu, 05 Feb 2026 08:18:54 GMT"],
)  # fmt: skip
def test_dates(tmp_path: Path, value: object) -> None:
    row: dict[str, object] = {"published": value, "title": "t", "source": "s"}
    assert articles(write(tmp_path, "a.jsonl", json_lines([row])))[0].published == MOMENT


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (datetime(2026, 2, 5, 16, 18, 54, tzinfo=timezone(timedelta(hours=8))), MOMENT),
        (datetime(2026, 2, 5, 8, 18, 54), MOMENT),  # noqa: DTZ001
        (date(2026, 2, 5), datetime(2026, 2, 5, tzinfo=UTC)),
    ],
)
def test_parquet_has_dates_of_its_own(tmp_path: Path, value: object, moment: datetime) -> None:
    row: dict[str, object] = {"published": value, "title": "t", "source": "s"}
    assert articles(write(tmp_path, "a.parquet", parquet([row])))[0].published == moment


def test_dates_without_a_zone_are_in_the_zone_given(tmp_path: Path) -> None:
    row: dict[str, object] = {"published": "2026-02-05 16:18:54", "title": "t", "source": "s"}
    path = write(tmp_path, "a.jsonl", json_lines([row]))
    assert articles(path, zone=ZoneInfo("Asia/Shanghai"))[0].published == MOMENT


def test_refused_rows_say_where_and_why(tmp_path: Path) -> None:
    good: dict[str, object] = {"published": "2026-02-05", "title": "t", "source": "s"}
    rows: list[dict[str, object]] = [
        good,
        {**good, "title": " <br> "},
        {**good, "published": "yesterday"},
        {**good, "published": None},
        {**good, "source": ""},
        {**good, "published": "2099-01-01"},
        {**good, "published": 10**30},
    ]
    data = json_lines(rows) + b"\n{oops\n[1]\n" + b'{"title": "\xff"}\n' + json_lines([good])
    path = write(tmp_path, "a.jsonl", data)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert refusals(path, now=now) == [
        f"{path}:2: no title (column 'title')",
        f"{path}:3: not a date: 'yesterday' (column 'published'; wanted is ISO 8601, "
        "as in 2026-02-05T16:18:54+08:00)",
        f"{path}:4: no date (column 'published')",
        f"{path}:5: no source (column 'source')",
        f"{path}:6: date in the future: 2099-01-01T00:00:00+00:00",
        f"{path}:7: not a date: '1000000000000000000000000000000' (column 'published'; "
        "wanted is ISO 8601, as in 2026-02-05T16:18:54+08:00)",
        f"{path}:9: the line is not JSON",
        f"{path}:10: the line is no JSON object",
        f"{path}:11: the line is not UTF-8",
    ]
    assert sum(isinstance(one, Article) for one in read_archive(path, now=now)) == 2


def test_csv_rows_are_named_by_the_line_they_begin_on(tmp_path: Path) -> None:
    data = (
        b"\xef\xbb\xbfpublished,title,source\r\n"
        b'2026-02-05,"two\r\nlines",s\r\n'
        b"\r\n"
        b"never,t,s\r\n"
        b"2026-02-05,t,s,surplus\r\n"
        b"2026-02-05,\xff,s\r\n"
        b"2026-02-05,,s\r\n"
        b"2026-02-05,last,s\r\n"
    )
    path = write(tmp_path, "a.csv", data)
    found = list(read_archive(path))
    assert [one.title for one in found if isinstance(one, Article)] == ["two lines", "last"]
    assert [(one.row, one.reason) for one in found if isinstance(one, RefusedRow)][1:] == [
        (6, "4 cells under 3 columns"),
        (7, "the line is not UTF-8"),
        (8, "no title (column 'title')"),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_of_csv(tmp_path: Path, delimiter: str) -> None:
    assert len(articles(write(tmp_path, "a.csv", as_csv(ROWS, delimiter)))) == 2


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", b"", "the file is empty"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "the archive holds no rows|has no column"),
        ("a.jsonl", b"\n\n", "the archive holds no rows"),
        ("a.csv", b"published,title,source\n", "the archive holds no rows"),
        ("a.parquet", parquet([{"title": "t"}])[:-20], "does not open as a Parquet file"),
        (
            "a.jsonl",
            gzip.compress(b"x", mtime=0),
            "says: expected text, found gzip data",
        ),
        ("a.jsonl.gz", b'{"a": 1}\n', "expected gzip data, found something else"),
        ("a.jsonl.gz", zstd(b"x"), "expected gzip data, found Zstandard data"),
        ("a.csv", parquet([{"title": "t"}]), "expected text, found a Parquet file"),
        ("a.parquet", b"title\nx\n", "expected a Parquet file, found something else"),
        ("a.jsonl", b"published,title\n", "expected a JSON object on each line, but the line is"),
        ("a.csv.gz", gzip.compress(b"PK\x03\x04", mtime=0), "expected CSV, found a ZIP archive"),
        ("a.csv", b"PK\x03\x04", "expected text, found a ZIP archive or spreadsheet"),
        ("a.xlsx", b"x", "the name must end with .jsonl, .csv or .parquet"),
        ("a.gz", b"x", "the name must end with .jsonl, .csv or .parquet"),
        ("noname", b"x", "the name must end with .jsonl, .csv or .parquet"),
    ],
)
def test_files_that_are_no_archives(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    path = write(tmp_path, name, data)
    with pytest.raises(ArchiveError, match=message) as error:
        read_archive(path)
    assert str(error.value).startswith(str(path))


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"none\.jsonl: no such file"):
        read_archive(tmp_path / "none.jsonl")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ArchiveError, match=r"folder\.csv: not a file"):
        read_archive(tmp_path / "folder.csv")


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_data_that_breaks_off_is_said_and_what_came_before_is_read(
    tmp_path: Path, packing: str
) -> None:
    rows = [{**ROWS[0], "url": f"https://ex.com/{n * 7919}"} for n in range(20_000)]
    data = json_lines(rows)
    packed = gzip.compress(data) if packing == "gz" else zstd(data)
    path = write(tmp_path, f"a.jsonl.{packing}", packed[: len(packed) // 2])
    read: list[object] = []
    with pytest.raises(ArchiveError, match="the compressed data is damaged or breaks off"):
        read.extend(read_archive(path))
    assert 0 < len(read) < 20_000
    assert all(isinstance(one, Article) for one in read)


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    bomb = zstd(json_lines(ROWS) + (b" " * 9_999 + b"\n") * 15_000)
    path = write(tmp_path, "a.jsonl.zst", bomb)
    with pytest.raises(ArchiveError, match="decompresses to more than 500 times its size"):
        list(read_archive(path))


def test_a_line_over_the_limit_costs_only_itself(tmp_path: Path) -> None:
    long = b'{"title": "' + b"x" * 25_000_000 + b'"}\n'
    path = write(tmp_path, "a.jsonl", json_lines(ROWS[:1]) + long + json_lines(ROWS[1:]))
    found = list(read_archive(path))
    assert isinstance(found[1], RefusedRow)
    assert found[1].reason == "the line is longer than 10,000,000 bytes"
    assert [type(one) for one in found] == [Article, RefusedRow, Article]


def test_reading_is_lazy(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "url": f"https://ex.com/{n}"} for n in range(1_000)]
    path = write(tmp_path, "a.jsonl", json_lines(rows) + b"\xff" * 10)
    reading = read_archive(path)
    assert isinstance(next(reading), Article)


def test_ids_tell_rows_apart_and_know_them_again(tmp_path: Path) -> None:
    base: dict[str, object] = {"published": "2026-02-05", "title": "t", "source": "s", "url": ""}
    rows: list[dict[str, object]] = [
        base,
        {**base, "published": "2026-02-06"},
        {**base, "title": "u"},
        {**base, "source": "r"},
        {**base, "text": "more"},
        {**base, "url": "https://ex.com/a"},
        {**base, "url": "https://ex.com/b"},
        # The front door of a site names no page.
        {**base, "title": "v", "url": "https://ex.com/"},
        {**base, "title": "w", "url": "https://ex.com/"},
    ]
    path = write(tmp_path, "a.jsonl", json_lines(rows))
    ids = [one.id for one in articles(path)]
    assert len(set(ids)) == len(rows)
    assert [one.id for one in articles(path)] == ids


def test_the_host_stands_for_a_missing_source(tmp_path: Path) -> None:
    row: dict[str, object] = {
        "published": "2026-02-05", "title": "t", "source": None, "url": "https://www.ex.com/a",
    }  # fmt: skip
    path = write(tmp_path, "a.jsonl", json_lines([row]))
    assert articles(path)[0].source == "ex.com"
    assert articles(path, source_default="Desk")[0].source == "Desk"


def test_parquet_dates_beyond_the_calendar_are_said(tmp_path: Path) -> None:
    far = pyarrow.lib.array([10**17], pyarrow.lib.timestamp("ms"))
    table = pyarrow.lib.table({"published": far, "title": ["Profit up"]})
    _WRITE(table, tmp_path / "far.parquet")
    with pytest.raises(ArchiveError, match=r"far\.parquet"):
        list(read_archive(tmp_path / "far.parquet", source_default="wire"))
