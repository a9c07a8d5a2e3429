"""The pipeline that ours is measured against has the same weights and says the same."""

import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from models.directories import resolve
from models.layout import WIDE
from models.manifest import parse_manifest, read_manifest, write_manifest
from models.ngrams import BUCKETS
from monitor.bench.plain_pipeline import plain_pipeline
from monitor.bench.texts import written_texts
from monitor.bench.ways import open_scorer
from tests.unit.models.tiny import LESSONS, write_tiny, write_tiny_adapter
from tests.unit.monitor.bench.made import write_linear


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_bundled_models_answer_alike(language: str) -> None:
    spec = f"bundled:{language}"
    texts = written_texts(language, 100)
    scores = open_scorer(spec, "cpu").score(texts, [language] * 100)
    plain = plain_pipeline(spec, "cpu", read_manifest(resolve(spec)).max_tokens)
    assert plain is not None
    found = plain.labels(texts, 32)
    same = [scores.label(index) == label for index, label in enumerate(found)]
    assert sum(same) >= 99 and len(set(found)) == 3
    # It is not to slow down what it is measured against.
    assert os.environ["TOKENIZERS_PARALLELISM"] != "false"


@pytest.mark.parametrize("model_type", ["bert", "roberta", "distilbert", "electra"])
def test_encoders_of_other_types_answer_alike(tmp_path: Path, model_type: str) -> None:
    spec = str(tmp_path / "tiny")
    write_tiny(tmp_path / "tiny", model_type=model_type)
    plain = plain_pipeline(spec, "cpu", 16)
    assert plain is not None
    # Longer than the model reads, and shorter ones beside it in a batch.
    texts = [*LESSONS, "shares fall " * 30]
    scores = open_scorer(spec, "cpu").score(texts)
    ours = [scores.label(index) for index in range(len(texts))]
    assert plain.labels(texts, 1) == plain.labels(texts, 32) == ours
    assert len(set(ours)) == 3


def test_n_grams_beside_the_encoder_are_added(tmp_path: Path) -> None:
    directory = tmp_path / "tiny"
    write_tiny(directory)
    bare = plain_pipeline(str(directory), "cpu", 16)
    drawn = np.random.default_rng(1).normal(0, 9, (BUCKETS, 3)).astype(np.float32)
    idf, bias = np.ones(BUCKETS, np.float32), np.zeros(3, np.float32)
    save_file({"idf": idf, "weight": drawn, "bias": bias}, directory / WIDE)
    write_manifest(directory, parse_manifest(directory))
    plain = plain_pipeline(str(directory), "cpu", 16)
    assert plain is not None and bare is not None
    scores = open_scorer(str(directory), "cpu").score(list(LESSONS))
    ours = [scores.label(index) for index in range(len(LESSONS))]
    assert plain.labels(list(LESSONS), 4) == ours != bare.labels(list(LESSONS), 4)


def test_an_adapter_is_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_adapter(tmp_path / "lora", tmp_path / "tiny_bench_base")
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = str(tmp_path / "lora")
    plain = plain_pipeline(spec, "cpu", 16)
    assert plain is not None
    scores = open_scorer(spec, "cpu").score(list(LESSONS))
    assert plain.labels(list(LESSONS), 4) == [scores.label(i) for i in range(len(LESSONS))]


def test_a_linear_model_has_none(tmp_path: Path) -> None:
    write_linear(tmp_path / "linear")
    assert plain_pipeline(str(tmp_path / "linear"), "cpu", 64) is None
