"""The journal of promotions."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from models.journal import Language, Promotion, append, read_journal, succession

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def entry(
    version: str, action: Literal["promote", "rollback"] = "promote", language: Language = "en"
) -> Promotion:
    return Promotion(
        time=NOW, language=language, action=action, version=version, previous="bundled:en", by="me"
    )


A, B, C = "a@00000000", "模型 b@11111111", "c@22222222"


def test_what_was_written_is_read(tmp_path: Path) -> None:
    journal = tmp_path / "service.jsonl"
    assert read_journal(journal) == []
    written = [entry(A), entry(B, language="zh"), entry("bundled:en", "rollback")]
    for item in written:
        append(journal, item)
    assert read_journal(journal) == written


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_line_that_was_interrupted_is_ignored_and_then_repaired(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: int
) -> None:
    journal = tmp_path / "service.jsonl"
    append(journal, entry(A))
    whole = journal.read_bytes()
    journal.write_bytes(whole + whole[:kept])
    with caplog.at_level(logging.WARNING):
        assert read_journal(journal) == [entry(A)]
    assert "service.jsonl:2: its writing was interrupted" in caplog.text
    append(journal, entry(B))
    caplog.clear()
    assert read_journal(journal) == [entry(A), entry(B)]
    assert not caplog.records


@pytest.mark.parametrize(
    "line", [b"{}", b"\xff\xfe", b"[" * 100_000, b'{"version": "../../etc@00000000"}']
)
def test_a_line_that_says_nothing_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: bytes
) -> None:
    journal = tmp_path / "service.jsonl"
    journal.write_bytes(line + b"\n")
    append(journal, entry(A))
    assert read_journal(journal) == [entry(A)]
    assert "service.jsonl:1: " in caplog.text


def test_a_version_is_no_path(tmp_path: Path) -> None:
    journal = tmp_path / "service.jsonl"
    append(journal, entry(A))
    journal.write_bytes(journal.read_bytes().replace(A.encode(), b"../x@00000000"))
    assert read_journal(journal) == []


@pytest.mark.parametrize(
    ("entries", "versions"),
    [
        ([], ["bundled:en"]),
        ([entry(A), entry(B), entry(B)], ["bundled:en", A, B]),
        ([entry(A), entry(B), entry(A, "rollback")], ["bundled:en", A]),
        ([entry(A), entry(B), entry(A, "rollback"), entry(C)], ["bundled:en", A, C]),
        ([entry(A), entry("bundled:en", "rollback")], ["bundled:en"]),
        ([entry(A), entry(B), entry(A), entry(B, "rollback")], ["bundled:en", A, B]),
        ([entry(A), entry(B, language="zh")], ["bundled:en", A]),
        ([entry(A), entry("bundled:en")], ["bundled:en", A, "bundled:en"]),
    ],
)
def test_what_can_be_gone_back_through(entries: list[Promotion], versions: list[str]) -> None:
    assert succession(entries, "en") == versions
