"""Reading labelled texts: every form that is known, and what is refused."""

import json
from pathlib import Path

import pandas as pd
import pytest

from models.training.examples import Example, LabelledDataError
from models.training.labelled_files import read_labelled


def _lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def test_the_same_rows_from_every_kind_of_file(tmp_path: Path) -> None:
    rows = [
        {"text": "Profit up", "sentiment": "positive", "topics": "earnings shares", "weight": 2.0},
        {"text": "亏损", "sentiment": "negative", "topics": "", "weight": None},
    ]
    wanted = [
        Example("Profit up", "positive", frozenset({"earnings", "shares"}), "en", weight=2.0),
        Example("亏损", "negative", None, "zh"),
    ]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    _lines(tmp_path / "a.jsonl", *rows)
    for name in ("a.csv", "a.parquet", "a.jsonl"):
        assert read_labelled(tmp_path / name) == wanted


def test_companies_of_a_row_are_examples_of_their_own(tmp_path: Path) -> None:
    companies = [{"name": "A", "sentiment": "positive"}, {"name": "B", "sentiment": "negative"}]
    path = _lines(tmp_path / "a.jsonl", {"text": "A soars as B falls", "companies": companies})
    found = read_labelled(path)
    assert [(example.company, example.sentiment) for example in found] == [
        ("A", "positive"),
        ("B", "negative"),
    ]
    row = {"title": "A and B up", "entities": [{"name": n, "sentiment": "positive"} for n in "AB"]}
    found = read_labelled(_lines(tmp_path / "b.jsonl", row))
    assert [example.company for example in found] == ["", "A", "B"]


def test_own_topics_are_taken_when_asked_for(tmp_path: Path) -> None:
    path = _lines(tmp_path / "a.jsonl", {"text": "a", "topics": ["weather"]})
    assert read_labelled(path, own_topics=True)[0].topics == frozenset({"weather"})
    with pytest.raises(LabelledDataError, match=r"a\.jsonl:1: unknown topic 'weather'"):
        read_labelled(path)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "b", "sentiment": "angry"}, "sentiment 'angry' is none of"),
        ({"text": "  ", "sentiment": "negative"}, "'text' is missing or empty"),
        ({"text": 7, "sentiment": "negative"}, "'text' is missing or empty"),
        ({"text": "b"}, "neither 'sentiment' nor 'topics'"),
        ({"text": "b", "sentiment": "negative", "weight": "heavy"}, "weight 'heavy'"),
        ({"text": "b", "sentiment": "negative", "weight": -1}, "weight '-1'"),
        ({"text": "b", "topics": 3}, "'topics' is a list of names"),
        ({"text": "b", "companies": [{"sentiment": "negative"}]}, "a company has no 'name'"),
        ({"text": "b", "companies": ["B"]}, "'companies' lists objects"),
        ([1], "a JSON object is wanted"),
    ],
)
def test_a_broken_row_names_its_line(tmp_path: Path, row: object, reason: str) -> None:
    path = _lines(tmp_path / "labels.jsonl", {"text": "a", "sentiment": "bullish"}, row)
    with pytest.raises(LabelledDataError, match=rf"labels\.jsonl:2: .*{reason}"):
        read_labelled(path)


def test_a_csv_without_texts_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("headline,label\nx,negative\n", encoding="utf-8")
    with pytest.raises(LabelledDataError, match=r"a\.csv:1: no column 'text'.*headline, label"):
        read_labelled(path)


def test_files_that_are_no_labelled_texts(tmp_path: Path) -> None:
    for name, content, reason in (
        ("a.csv", b"text,sentiment\n\xff\xfe,negative\n", "not UTF-8"),
        ("a.parquet", b"PAR0", "not Parquet"),
        ("a.json", b"{}", "a JSON array of arrays"),
        ("a.doc", b"x", "are known"),
        ("a.jsonl", b"\n\n", "holds no labelled text"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(LabelledDataError, match=reason):
            read_labelled(tmp_path / name)
