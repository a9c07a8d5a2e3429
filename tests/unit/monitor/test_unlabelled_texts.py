"""Titles of archives, for a student to read."""

import json
from pathlib import Path

import pytest

from models.training.examples import Example
from monitor.failures import UsageError
from monitor.unlabelled_texts import unlabelled_titles


def test_titles_of_a_language_each_once_with_their_archives(tmp_path: Path) -> None:
    rows = {
        "a.jsonl": ["Shares fall", "股价下跌，银行亏损", "Shares fall", ""],
        "b.jsonl": ["Shares fall", "Profit &amp; loss"],
        "c.jsonl": ["央行下调利率"],
    }
    for name, titles in rows.items():
        lines = [
            json.dumps({"published": "2026-01-05T09:00:00Z", "source": "Wire", "title": title})
            for title in titles
        ]
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "a.incidents.csv").write_text("key\nnone\n", encoding="utf-8")
    found, sources = unlabelled_titles(tmp_path, "en")
    assert found == [Example(title, None, None, "en") for title in ("Shares fall", "Profit & loss")]
    assert [(item.name, item.rows, item.licence) for item in sources] == [
        ("a.jsonl", 1, "not stated"), ("b.jsonl", 1, "not stated"),
    ]  # fmt: skip
    chinese, _ = unlabelled_titles(tmp_path, "zh")
    assert [item.text for item in chinese] == ["股价下跌，银行亏损", "央行下调利率"]
    with pytest.raises(UsageError, match="holds no archive"):
        unlabelled_titles(tmp_path / "nowhere", "en")
