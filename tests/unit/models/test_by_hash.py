"""Labels without a text: told from those with one, and joined by hash."""

import json
from pathlib import Path

import pandas as pd
import pytest

from models.training.by_hash import labelled_hashes
from models.training.examples import Example, LabelledDataError
from models.training.labelled_files import read_labelled

HERE, ELSEWHERE, GONE = "a" * 16, "b" * 16, "c" * 16
ROWS = [
    {"text": "Profit up", "content_hash": HERE, "sentiment": "positive"},
    {"text": "", "content_hash": ELSEWHERE, "sentiment": "negative", "source": "Wire"},
    {"text": None, "content_hash": GONE, "sentiment": "neutral"},
]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_rows_with_a_text_and_rows_with_a_hash_in_one_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame(ROWS)
    match path.suffix:
        case ".jsonl":
            path.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
        case ".csv":
            frame.to_csv(path, index=False)
        case _:
            frame.to_parquet(path)
    assert list(labelled_hashes(path)) == [ELSEWHERE, GONE]
    texts = {ELSEWHERE: "Loss widens", HERE: "never taken: the row has its text"}
    assert read_labelled(path, texts=texts) == [
        Example("Profit up", "positive", None, "en"),
        Example("Loss widens", "negative", None, "en", source="Wire"),
    ]
    with pytest.raises(LabelledDataError, match=rf"{name}:\d: no 'text'.*train --texts DIR"):
        read_labelled(path)


def test_a_table_of_hashes_alone_needs_no_column_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    companies = '"[{""name"": ""Acme"", ""sentiment"": ""negative""}]"'
    path.write_text(f"content_hash,sentiment,companies\n{HERE},positive,{companies}\n")
    found = read_labelled(path, texts={HERE: "Acme fined"})
    assert [(row.company, row.sentiment) for row in found] == [
        ("", "positive"),
        ("Acme", "negative"),
    ]
    assert read_labelled(path, texts={}) == []


def test_published_sets_have_no_hashes(tmp_path: Path) -> None:
    path = tmp_path / "sentfin.jsonl"
    row = {"title": "A up", "entities": [{"name": "A", "sentiment": "positive"}]}
    path.write_text(json.dumps(row), encoding="utf-8")
    assert labelled_hashes(path) == {}
    path = tmp_path / "phrasebank.txt"
    path.write_text("Profit up@positive\n", encoding="utf-8")
    assert labelled_hashes(path) == {}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"sentiment": "neutral"}, "'text' is missing or empty, and so is 'content_hash'"),
        ({"text": " ", "content_hash": ""}, "'text' is missing or empty, and so is"),
        ({"content_hash": 7}, "'text' is missing or empty, and so is 'content_hash'"),
        ({"text": 7, "content_hash": HERE}, "'text' is missing or empty: a string is wanted"),
    ],
)
def test_a_row_with_neither_names_its_line(
    tmp_path: Path, row: dict[str, object], reason: str
) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in (ROWS[1], row)), encoding="utf-8")
    with pytest.raises(LabelledDataError, match=rf"labels\.jsonl:2: {reason}"):
        labelled_hashes(path)
    with pytest.raises(LabelledDataError, match=rf"labels\.jsonl:2: {reason}"):
        read_labelled(path, texts={})
