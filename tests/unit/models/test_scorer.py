"""The bundled models in service."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.answers import open_model
from models.backends.devices import pick_device
from models.backends.options import BackendOptions
from models.directories import BUNDLED, resolve
from models.manifest import ModelError, read_manifest
from models.scorer import Scorer

TEXTS = [
    "Bank collapses after fraud, shares plunge",
    "公司净利润大增，股价涨停",
    "",
    "Oil rises to a record as supply tightens",
    "某公司被证监会立案调查，股价跌停",
]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load()


def test_order_is_kept_and_languages_are_routed(scorer: Scorer) -> None:
    scores = scorer.score(TEXTS)
    assert scores.languages == ("en", "zh", "en", "en", "zh")
    assert [scores.label(index) for index in (0, 1, 3, 4)] == [
        "negative", "positive", "positive", "negative",
    ]  # fmt: skip
    assert "commodities" in scores.topics_of(3)
    assert "legal" in scores.topics_of(4)
    by_language = scorer.identifiers
    assert by_language["en"].startswith("undertone-en-")
    assert by_language["zh"].startswith("undertone-zh-")
    assert scores.models == tuple(by_language[language] for language in scores.languages)


def test_a_score_does_not_hang_on_its_batch(scorer: Scorer) -> None:
    together = scorer.score(TEXTS * 7)
    other = Scorer.load()
    alone = np.vstack([other.score([text]).sentiment for text in TEXTS])
    assert np.array_equal(together.sentiment[: len(TEXTS)], alone)
    assert np.allclose(together.sentiment.sum(-1), 1, atol=2e-4)


def test_texts_that_are_not_read_whole_are_counted(scorer: Scorer) -> None:
    before = scorer.cut_texts
    scorer.prepare(["Bank fails. " * 90_000, "Bank fails.", "x" * 90_000, "银行" * 90_000])
    assert scorer.cut_texts - before == 3


def test_no_texts_no_scores(scorer: Scorer) -> None:
    assert scorer.score([]).sentiment.shape == (0, 3)


def test_a_stream_answers_in_order_and_hands_errors_on(scorer: Scorer) -> None:
    chunks = [[f"text {number}", "利润下降"] for number in range(5)]
    answered = [list(texts) for texts, _ in scorer.stream(iter(chunks), scorer.prepare)]
    assert answered == chunks

    def broken() -> Iterator[list[str]]:
        yield ["one"]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(scorer.stream(broken(), scorer.prepare))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_changed_or_missing_file_is_refused_by_name(tmp_path: Path, language: str) -> None:
    copy = tmp_path / language
    shutil.copytree(BUNDLED / language, copy)
    read_manifest(copy)
    heads = copy / "heads.safetensors"
    heads.write_bytes(heads.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ModelError, match=r"heads\.safetensors: SHA-256"):
        open_model(str(copy), language)
    heads.unlink()
    with pytest.raises(ModelError, match=r"heads\.safetensors: missing"):
        open_model(str(copy), language)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="bundled:en"):
        resolve("bundled:fr")
    with pytest.raises(ModelError, match=r"config\.json"):
        open_model(str(tmp_path), "en")
    with pytest.raises(ModelError, match="auto, cpu"):
        pick_device("tpu")
    with pytest.raises(ModelError, match="auto, cpu"):
        Scorer.load(options=BackendOptions(device="tpu"))
