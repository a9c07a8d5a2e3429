"""Labels in the store become rows that training reads back as they were meant."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.companies import COMPANY_MARK
from models.training.examples import Example, shown_text
from models.training.labelled_files import read_labelled
from models.watched import Company, WatchlistFile
from monitor.corrections import Label
from monitor.label_export import export_rows, write_rows
from monitor.store.labels import LabelledArticle

THEN = datetime(2026, 1, 5, 9, tzinfo=UTC)
TITLE = "Halvers sinks, Ondal Group gains; Halvers shares halted"
WATCHLIST = WatchlistFile(
    companies=(
        Company(name="Halvers Pumps", aliases=("Halvers", "Halv")),
        Company(name="Ondal", aliases=("Ondal Group",)),
    )
)
WHOLE = LabelledArticle(
    label=Label(1, "a1", "", "neutral", ("shares",), "ann", THEN, "both sides"),
    title=TITLE,
    text="",
    language="en",
    source="Wire",
    published=THEN,
    content_hash="a" * 16,
)


def of_company(number: int, article: str, company: str, sentiment: str | None) -> LabelledArticle:
    topics = None if sentiment else ("legal",)
    label = Label(number, article, company, sentiment, topics, "bob", THEN, 'in "quotes"')
    return replace(WHOLE, label=label)


LABELLED = [
    WHOLE,
    of_company(2, "a1", "Halvers Pumps", "negative"),
    of_company(3, "a2", "Halvers Pumps", None),
    of_company(4, "a3", "Unnamed Parent", "negative"),
    of_company(5, "a1", "Ondal", "positive"),
]
WHOLE_TEXT = Example(TITLE, "neutral", frozenset({"shares"}), "en", weight=2.0, source="Wire")
OF_HALVERS = replace(WHOLE_TEXT, topics=None, company="Halvers", sentiment="negative")
COMPANIES = [
    OF_HALVERS,
    replace(OF_HALVERS, company="Ondal Group", sentiment="positive"),
    replace(OF_HALVERS, company="Unnamed Parent"),
]


@pytest.mark.parametrize("name", ["labels.jsonl", "labels.csv"])
@pytest.mark.parametrize("hashes", [False, True])
def test_companies_come_back_under_the_name_in_the_text(
    tmp_path: Path, name: str, hashes: bool
) -> None:
    path = tmp_path / name
    assert write_rows(path, export_rows(LABELLED, WATCHLIST, True, hashes, 2.0)) == 2
    assert (TITLE in path.read_text(encoding="utf-8")) is not hashes
    found = read_labelled(path, texts={"a" * 16: TITLE} if hashes else None)
    assert found == [WHOLE_TEXT, *COMPANIES]
    assert shown_text(found[1], 64) == (
        f"{COMPANY_MARK} sinks, Ondal Group gains; {COMPANY_MARK} shares halted"
    )


def test_only_whole_texts_unless_companies_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    rows = list(export_rows(LABELLED, WATCHLIST, False, False, 2.0))
    assert write_rows(path, rows) == 1
    assert read_labelled(path) == [WHOLE_TEXT]
    assert rows[0]["by"] == "ann" and rows[0]["published"] == "2026-01-05T09:00:00Z"


def test_who_says_so_stays_with_each_label() -> None:
    row, other = export_rows(LABELLED, WATCHLIST, True, True, 1.0)
    assert [(item["company"], item["by"]) for item in row["companies"]] == [
        ("Halvers Pumps", "bob"),
        ("Ondal", "bob"),
    ]
    assert (row["by"], row["note"]) == ("ann", "both sides")
    assert (other["article_id"], other["by"], other["sentiment"]) == ("a3", None, None)
