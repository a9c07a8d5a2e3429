"""Labels that are kept by hash find their texts in archives."""

import json
from pathlib import Path

import pytest

from ingest.article import content_hash
from models.training.by_hash import labelled_hashes
from models.training.examples import LabelledDataError
from models.training.labelled_files import read_labelled
from monitor.failures import UsageError
from monitor.labelled_texts import texts_by_hash

TITLE, TEXT = "Loss narrows at Halvers", "The maker of pumps lost less than a year before."


def label(digest: str, sentiment: str = "positive") -> str:
    return json.dumps({"content_hash": digest, "sentiment": sentiment, "topics": ["earnings"]})


def test_labels_meet_the_text_that_is_scored(tmp_path: Path) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    row = {"published": "2026-01-05T09:00:00Z", "source": "Wire", "title": TITLE, "text": TEXT}
    (archives / "news.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    (archives / "news.incidents.csv").write_text("key\nnone\n", encoding="utf-8")
    labels = tmp_path / "labels.jsonl"
    labels.write_text(f"{label(content_hash(TITLE, TEXT))}\n{label('0' * 16)}\n", encoding="utf-8")
    found = texts_by_hash(archives, labelled_hashes(labels))
    (example,) = read_labelled(labels, texts=found)
    assert example.text == f"{TITLE}\n{TEXT}"
    assert (example.sentiment, example.topics) == ("positive", frozenset({"earnings"}))


def test_what_cannot_be_joined_is_named(tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    labels.write_text(label("a" * 16, "angry"))
    with pytest.raises(LabelledDataError, match="sentiment 'angry'"):
        read_labelled(labels, texts={"a" * 16: TITLE})
    with pytest.raises(UsageError, match="holds no archive"):
        texts_by_hash(tmp_path / "nowhere", ["a" * 16])
