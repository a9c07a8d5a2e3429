"""Labels towards companies, sources, and rows that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from models.training.examples import Example, LabelledDataError, without
from models.training.labelled_files import read_labelled

BOTH = [{"name": "Acme", "sentiment": "bullish"}, {"name": " Bolt ", "sentiment": "negative"}]
GOOD = [{"name": "Acme", "sentiment": "positive"}, {"name": "Bolt", "sentiment": "positive"}]


def read(path: Path, *rows: dict[str, Any]) -> list[Example]:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return read_labelled(path)


def test_a_row_yields_an_example_for_each_company(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    apart = read(path, {"text": "Acme up, Bolt down", "companies": BOTH, "source": "Wire"})
    assert [(item.company, item.sentiment, item.source) for item in apart] == [
        ("Acme", "positive", "Wire"), ("Bolt", "negative", "Wire"),
    ]  # fmt: skip
    agreed = read(path, {"text": "Acme and Bolt up", "companies": GOOD, "topics": "shares"})
    assert [(item.company, item.sentiment, item.topics) for item in agreed] == [
        ("", None, frozenset({"shares"})), ("Acme", "positive", None),
        ("Bolt", "positive", None),
    ]  # fmt: skip
    labelled = read(path, {"text": "a", "sentiment": "neutral", "companies": BOTH})
    assert [item.sentiment for item in labelled] == ["neutral", "positive", "negative"]
    topics = read(path, {"text": "a", "topics": ["deals"], "companies": BOTH})
    assert (topics[0].company, topics[0].sentiment) == ("", None)


def test_sentfin_and_parquet_name_companies_too(tmp_path: Path) -> None:
    found = read(tmp_path / "s.jsonl", {"title": "Acme up, Bolt down", "entities": BOTH})
    assert [(item.company, item.language) for item in found] == [("Acme", "en"), ("Bolt", "en")]
    path = tmp_path / "rows.parquet"
    rows = [
        {"text": "Acme up, Bolt down", "sentiment": None, "companies": BOTH},
        {"text": "b", "sentiment": "neutral", "companies": []},
    ]
    pandas.DataFrame(rows).to_parquet(path)
    assert [item.company for item in read_labelled(path)] == ["Acme", "Bolt", ""]


def test_each_company_of_a_text_is_kept(tmp_path: Path) -> None:
    examples = read(
        tmp_path / "rows.jsonl",
        *[{"text": "Acme and Bolt up", "companies": GOOD, "topics": "shares"}] * 2,
    )
    assert [item.company for item in without(examples, [])] == ["", "Acme", "Bolt"]
    assert without(examples, examples[:1]) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": " ", "sentiment": "neutral"}', "a.jsonl:1: 'text' is missing"),
        (
            "a.jsonl",
            '{"text": "a", "companies": "Acme"}',
            "a.jsonl:1: 'companies' is not a JSON list",
        ),
        ("a.jsonl", '{"text": "a", "companies": [{"sentiment": "neutral"}]}', "no 'name'"),
        ("a.jsonl", '{"text": "a", "companies": [{"name": "b"}]}', "sentiment 'None'"),
        ("a.csv", "text,sentiment\n ,neutral\n", "a.csv:2: 'text' is missing or empty"),
        ("a.csv", "text,label\n,1\n", "a.csv:2: 'text' is missing or empty"),
        ("a.csv", "text,sentiment\n", "a.csv: holds no labelled text"),
        ("a.txt", "@neutral\n", "a.txt:1: 'text@label' is wanted"),
        ("a.jsonl", "", "a.jsonl: holds no labelled text"),
    ],
)
def test_what_cannot_be_used_is_named(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(LabelledDataError) as raised:
        read_labelled(tmp_path / name)
    assert message in str(raised.value)
