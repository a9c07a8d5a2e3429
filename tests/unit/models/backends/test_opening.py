"""Opening a model with the backend that is set, or the one that is best here."""

import logging
from pathlib import Path

import pytest

from models.backends import choice, opening
from models.backends.opening import probe_texts
from models.backends.options import BackendOptions
from models.in_service import BundledModel
from models.languages import route
from models.manifest import ModelError
from tests.unit.models.tiny import write_tiny

TEXTS = ["profit soars", "loss", "shares fall on a loss"]


@pytest.fixture
def model(tmp_path: Path) -> str:
    write_tiny(tmp_path / "tiny")
    return str(tmp_path / "tiny")


def test_what_is_best_here_is_measured_once(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = BackendOptions(backend="auto", cache=tmp_path / "cache")
    first = BundledModel(model, options)
    assert "measured: torch" in first.backend_reason
    monkeypatch.setattr(opening, "export", None)
    monkeypatch.setattr(opening, "measure", None)
    again = BundledModel(model, options)
    assert (again.backend_name, again.backend_reason) == (first.backend_name, first.backend_reason)
    kept = list((tmp_path / "cache").rglob("model.bin"))
    assert len(kept) == 1


def test_an_export_that_was_changed_is_made_anew(model: str, tmp_path: Path) -> None:
    options = BackendOptions(backend="openvino-f32", cache=tmp_path / "cache")
    wanted = BundledModel(model, options)
    expected = wanted.answer(wanted.tokenise(TEXTS))[0]
    (changed,) = (tmp_path / "cache").rglob("model.bin")
    changed.write_bytes(bytes(len(changed.read_bytes())))
    again = BundledModel(model, options)
    assert (again.answer(again.tokenise(TEXTS))[0] == expected).all()


def test_a_backend_whose_labels_differ_is_refused(
    model: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "LEAST_AGREEMENT", 1.01)
    with caplog.at_level(logging.WARNING):
        opened = BundledModel(model, BackendOptions(backend="openvino-int8"))
    assert opened.backend_name == "torch cpu f32"
    assert "openvino-int8 is refused" in opened.backend_reason
    assert "openvino-int8 is refused" in caplog.text


def test_a_network_that_cannot_be_exported_is_run_by_torch(
    model: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(network: object, path: Path) -> None:
        raise RuntimeError("no such operation")

    monkeypatch.setattr(opening, "export", broken)
    opened = BundledModel(model, BackendOptions(backend="auto"))
    assert opened.backend_name == "torch cpu f32"
    assert "no such operation" in caplog.text


def test_a_cache_that_cannot_be_written_is_told_and_done_without(
    model: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    opened = BundledModel(model, BackendOptions(backend="auto", cache=tmp_path / "file"))
    assert "measured" in opened.backend_reason
    assert "cannot be written" in caplog.text


def test_an_unknown_backend_is_named(model: str) -> None:
    with pytest.raises(ModelError, match="backend 'fast': auto, torch, packed, openvino-f32"):
        BundledModel(model, BackendOptions(backend="fast"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_probe_texts_are_of_the_language(language: str) -> None:
    texts = probe_texts([language])
    assert len(texts) == len(set(texts)) == opening.PROBE_TEXTS
    assert route(language) == language
    assert choice.LEAST_AGREEMENT == 0.995


def test_packed_texts_say_what_it_holds_and_how_it_agrees(model: str) -> None:
    plain = BundledModel(model, BackendOptions())
    packed = BundledModel(model, BackendOptions(backend="packed", batch_tokens=512))
    assert packed.backend_name == "packed cpu f32"
    assert packed.backend_reason == (
        "packed cpu f32: 512 tokens a batch, 100.0% of the labels as by length"
    )
    found, expected = (each.answer(each.tokenise(TEXTS)) for each in (packed, plain))
    assert (found[0] == expected[0]).all()
    assert (found[1] == expected[1]).all()


@pytest.mark.parametrize("model_type", ["roberta", "electra", "distilbert"])
def test_a_network_that_cannot_be_packed_is_run_by_length(
    model_type: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tiny(tmp_path / "other", model_type=model_type)
    opened = BundledModel(str(tmp_path / "other"), BackendOptions(backend="packed"))
    assert opened.backend_name == "torch cpu f32"
    assert opened.backend_reason == "torch cpu f32, by length: its backbone is not a BERT"
    assert "its backbone is not a BERT" in caplog.text


def test_labels_that_packing_would_change_are_refused(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "LEAST_AGREEMENT", 1.01)
    opened = BundledModel(model, BackendOptions(backend="packed"))
    assert opened.backend_name == "torch cpu f32"
    assert "by length: one behind the other only 100.0% of the labels" in opened.backend_reason
