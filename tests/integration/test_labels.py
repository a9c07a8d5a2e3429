"""From an article in the store to a labelled text that training reads."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from models.training.by_hash import labelled_hashes
from models.training.examples import Example
from models.training.labelled_files import read_labelled
from monitor.labelled_texts import texts_by_hash
from tests.integration.test_run import json_lines, undertone
from tests.unit.monitor.bench.made import write_linear

TITLES = (
    "Halvers Pumps sinks, rival gains",
    "Quarterly figures are due, \"on Tuesday\"",
    "公司债券违约，股价跌停",
)  # fmt: skip


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    write_linear(tmp_path / "chance")
    for language in ("ENGLISH", "CHINESE"):
        monkeypatch.setenv(f"UNDERTONE_MODELS__{language}", str(tmp_path / "chance"))
    rows = [
        {
            "published": f"2026-01-05T09:0{number}:00Z",
            "source": "Wire",
            "title": title,
            "text": f"More on it, line {number}.\nThe end.",
        }
        for number, title in enumerate(TITLES)
    ]
    news = tmp_path / "news.jsonl"
    news.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    found = ("--data-dir", str(tmp_path / "var"))
    assert undertone("backfill", str(news), *found).returncode == 0
    return found


def test_corrections_come_back_as_training_texts(tmp_path: Path, data: tuple[str, ...]) -> None:
    listed = json_lines(undertone("labels", "queue", "--below", "1", "--json", *data).stdout)
    ids = {item["title"]: item["id"] for item in listed}
    assert set(ids) == set(TITLES)
    assert [item["confidence"] for item in listed] == sorted(item["confidence"] for item in listed)
    first, second, third = (ids[title] for title in TITLES)
    for arguments in (
        (first[:10], "--sentiment", "positive"),
        (first, "--sentiment", "neutral", "--topics", "business,shares", "--note", "both sides"),
        (first, "--sentiment", "negative", "--company", "Halvers Pumps"),
        (second, "--topics", ""),
        (third, "--sentiment", "negative", "--by", "ann"),
    ):
        added = undertone("labels", "add", *arguments, *data)
        assert added.returncode == 0, added.stderr
    current = json_lines(undertone("labels", "list", "--json", *data).stdout)
    assert [(item["article_id"], item["company"], item["sentiment"]) for item in current] == [
        (third, "", "negative"),
        (second, "", None),
        (first, "Halvers Pumps", "negative"),
        (first, "", "neutral"),
    ]
    history = undertone("labels", "list", "--history", "--article", first, "--json", *data)
    assert len(json_lines(history.stdout)) == 3

    text = [f"{title}\nMore on it, line {n}. The end." for n, title in enumerate(TITLES)]
    expected = [
        Example(
            text[0], "neutral", frozenset({"business", "shares"}), "en", weight=2.0, source="Wire"
        ),
        Example(text[1], None, frozenset(), "en", weight=2.0, source="Wire"),
        Example(text[2], "negative", None, "zh", weight=2.0, source="Wire"),
    ]
    for name in ("labels.jsonl", "labels.csv"):
        output = tmp_path / name
        done = undertone("labels", "export", "--output", str(output), "--weight", "2", *data)
        assert (done.returncode, "3 labelled texts" in done.stdout) == (0, True), done.stderr
        assert read_labelled(output) == expected
    company = replace(expected[0], sentiment="negative", topics=None, company="Halvers Pumps")
    output = tmp_path / "companies.jsonl"
    undertone("labels", "export", "--companies", "--weight", "2", "--output", str(output), *data)
    assert read_labelled(output) == [expected[0], company, *expected[1:]]
    left = undertone("labels", "queue", "--below", "1", "--json", *data)
    assert [item["id"] for item in json_lines(left.stdout)] == [second]
    table = undertone("labels", "list", *data)
    assert first[:12] in table.stdout and table.returncode == 0
    waiting = undertone("labels", "queue", "--below", "1", *data)
    assert second[:12] in waiting.stdout and waiting.returncode == 0


def test_labels_without_texts_meet_them_in_archives(tmp_path: Path, data: tuple[str, ...]) -> None:
    listed = json_lines(undertone("labels", "queue", "--below", "1", "--json", *data).stdout)
    for item in listed:
        names_it = "Halvers" in item["title"]
        sentiment = "positive" if names_it else "negative"
        undertone("labels", "add", item["id"], "--sentiment", sentiment, *data)
        if names_it:
            company = ("--company", "Halvers Pumps")
            undertone("labels", "add", item["id"], "--sentiment", "negative", *company, *data)
    hashes = tmp_path / "hashes.jsonl"
    export = ("labels", "export", "--companies", "--hashes", "--output", str(hashes))
    assert "3 labelled texts" in undertone(*export, *data).stdout
    assert not any(title in hashes.read_text(encoding="utf-8") for title in TITLES)
    archives = tmp_path / "archives"
    archives.mkdir()
    kept = (tmp_path / "news.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    (archives / "news.jsonl").write_text("\n".join(kept), encoding="utf-8")
    found = texts_by_hash(archives, labelled_hashes(hashes))
    joined = read_labelled(hashes, texts=found)
    assert {(row.text.splitlines()[0], row.company, row.sentiment) for row in joined} == {
        (TITLES[0], "", "positive"),
        (TITLES[0], "Halvers Pumps", "negative"),
        (TITLES[1], "", "negative"),
    }

    ours, valid = tmp_path / "ours.csv", tmp_path / "valid.csv"
    ours.write_text("text,sentiment\nShares fall,negative\nSales rise,positive\n")
    valid.write_text("text,sentiment\nLoss widens,negative\nOrders grow,positive\n")
    flags = ("--valid", str(valid), "--method", "linear", "--output")
    train = ("train", "--train", str(hashes), *flags, str(tmp_path / "model"))
    done = undertone(*train, "--texts", str(archives))
    assert done.returncode == 0, done.stderr
    assert f"1 labelled items are left out: not in {archives}" in done.stderr
    assert "2026-01-05T09:02:00Z Wire" in done.stderr
    assert "3 texts to train on, 2 to validate" in done.stderr
    other = ("train", "--train", str(ours), *flags, str(tmp_path / "other"))
    done = undertone(*other, "--texts", str(archives))
    assert (done.returncode, "is not read: every row has its text" in done.stderr) == (0, True)

    empty = tmp_path / "empty"
    empty.mkdir()
    (archives / "news.jsonl").write_text(kept[0].replace("sinks", "floats"), encoding="utf-8")
    for folder, code, message in (
        ((), 1, "hashes.jsonl:1: no 'text'"),
        (("--texts", str(empty)), 2, "holds no archive"),
        (("--texts", str(archives)), 1, "--train: not one of its texts is in"),
    ):
        failed = undertone(*train, *folder)
        assert (failed.returncode, message in failed.stderr) == (code, True), failed.stderr


def test_what_cannot_be_labelled_is_said(tmp_path: Path, data: tuple[str, ...]) -> None:
    cases = [
        (("add", "0123", "--sentiment", "neutral"), 1, "begins with '0123'"),
        (("add", "0", "--sentiment", "angry"), 1, "--sentiment: "),
        (("add", "0", "--topics", "credits"), 1, "did you mean 'credit'?"),
        (("add", "0"), 1, "give a sentiment, topics, or both"),
        (("export", "--output", str(tmp_path / "labels.xls")), 2, ".jsonl or .csv"),
        (("export", "--output", str(tmp_path / "none" / "labels.csv")), 1, "No such file"),
    ]
    for arguments, code, message in cases:
        found = undertone("labels", *arguments, *data)
        assert (found.returncode, message in found.stderr) == (code, True), found.stderr
        assert "Traceback" not in found.stderr


def test_a_shadow_without_a_challenger_says_so(data: tuple[str, ...]) -> None:
    found = undertone("shadow", *data)
    assert found.returncode == 0 and "models.shadow" in found.stdout
    assert undertone("shadow", "--json", *data).stdout == ""
