"""N-grams beside an encoder: what they bring, how they are kept, and when they are left out."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.backends.options import BackendOptions
from models.companies import spans_of
from models.in_service import BundledModel
from models.labels import SENTIMENTS, Sentiment
from models.layout import HEADS, WIDE
from models.loading import load_network
from models.manifest import ModelError, read_manifest, write_manifest
from models.ngrams import BUCKETS
from models.readings import joined, parted
from models.registry import Registry
from models.scorer import Scorer
from models.training.examples import Example
from models.training.fit import Progress, Schedule
from models.training.plan import TrainingPlan
from models.training.run import train
from models.training.start import from_model
from models.training.wide import fit_wide
from models.wide import Wide
from tests.unit.models.tiny_plan import tiny_plan

NAMES = "abcdefghijklmnopqrst"
WORDS: dict[Sentiment, tuple[str, str]] = {
    "positive": ("rises", "climbs"),
    "negative": ("drops", "sinks"),
}
TEXTS = [
    Example(f"{one} {other} {word}", sentiment, None, "en")
    for one in NAMES
    for other in NAMES[:4]
    for sentiment, words in WORDS.items()
    for word in words
]
ASLEEP = Schedule(learning_rate=1e-6, epochs=1, batch_size=32, max_tokens=24)
"""So little is learned that the encoder tells nothing apart."""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> TrainingPlan:
    tiny = tiny_plan(tmp_path_factory.mktemp("base"))
    return replace(tiny, schedule=ASLEEP, train=TEXTS[80:], valid=TEXTS[:80], wide=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, plan: TrainingPlan) -> Path:
    output = tmp_path_factory.mktemp("made") / "model"
    train(plan, output)
    return output


def said(directory: Path, texts: list[str], options: BackendOptions | None = None) -> list[str]:
    model = BundledModel(str(directory), options or BackendOptions())
    probabilities, _, _ = model.answer(model.tokenise(texts))
    return [SENTIMENTS[column] for column in probabilities.argmax(-1)]


def test_what_the_encoder_does_not_tell_apart_the_n_grams_do(
    tmp_path: Path, plan: TrainingPlan, made: Path
) -> None:
    manifest = read_manifest(made)
    figures = manifest.metrics["wide"]
    assert figures["weight"] > 0 and figures["gain"] > 0
    assert figures["sentiment_f1"] == 1.0 > figures["sentiment_f1_without"]
    texts = ["z rises", "z sinks", "z climbs", "z drops"]
    assert said(made, texts)[0] == "positive"
    assert said(made, texts)[1:] != said(made, texts)[:3]
    alone = train(replace(plan, wide=False), tmp_path / "alone")
    assert WIDE in manifest.files and WIDE not in alone.files
    assert alone.files[HEADS] == manifest.files[HEADS], "the encoder is what it would be alone"
    assert manifest.identifier != alone.identifier
    assert (made / WIDE).stat().st_size < 3 * 2**20


def test_every_backend_adds_them(made: Path) -> None:
    texts = [example.text for example in TEXTS[:40]]
    truth = [example.sentiment for example in TEXTS[:40]]
    for backend in ("torch", "packed", "auto"):
        assert said(made, texts, BackendOptions(backend=backend)) == truth, backend


def test_a_model_without_the_file_answers_as_its_encoder(made: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(made, tmp_path / "model")
    (directory / WIDE).unlink()
    write_manifest(directory, read_manifest(made))
    model, bare = BundledModel(str(made)), BundledModel(str(directory))
    texts = ["a b rises", "a b drops"]
    assert bare.tokenise(texts) == parted(model.tokenise(texts))[0]
    assert model.token_counts(model.tokenise(texts)) == bare.token_counts(bare.tokenise(texts))
    answered, plain = model.answer(model.tokenise(texts)), bare.answer(bare.tokenise(texts))
    assert not np.allclose(answered[0], plain[0])
    assert np.array_equal(answered[1], plain[1]), "topics are the encoder's"


def test_an_answer_does_not_hang_on_the_texts_beside(made: Path) -> None:
    model = BundledModel(str(made))
    texts = ["a b rises", "", "c d drops", "never seen", "loss " * 20_000]
    together, _, _ = model.answer(model.tokenise(texts))
    for row, text in enumerate(texts):
        alone, _, _ = model.answer(model.tokenise([text]))
        assert np.allclose(together[row], alone[0], atol=2e-4)


def test_a_company_is_judged_by_the_encoder_alone(made: Path, tmp_path: Path) -> None:
    directory = shutil.copytree(made, tmp_path / "asked")
    told = read_manifest(made)
    write_manifest(directory, msgspec.structs.replace(told, reads_companies=True))
    bare = shutil.copytree(directory, tmp_path / "bare")
    (bare / WIDE).unlink()
    write_manifest(bare, read_manifest(directory))
    text = "a rises as b drops"
    scores = [
        Scorer({"en": model, "zh": model}).score([text, text], None, [spans_of(text, "a"), None])
        for model in (BundledModel(str(directory)), BundledModel(str(bare)))
    ]
    assert np.array_equal(scores[0].sentiment[0], scores[1].sentiment[0])
    assert not np.allclose(scores[0].sentiment[1], scores[1].sentiment[1])


def test_n_grams_that_do_not_help_are_left_out(tmp_path: Path, plan: TrainingPlan) -> None:
    rng = np.random.default_rng(3)
    drawn = [rng.choice(["negative", "positive"]) for _ in TEXTS]
    noise = [replace(item, sentiment=label) for item, label in zip(TEXTS, drawn, strict=True)]
    manifest = train(replace(plan, train=noise[80:], valid=noise[:80]), tmp_path / "noise")
    assert WIDE not in manifest.files and "wide" not in manifest.metrics
    few = train(replace(plan, valid=TEXTS[:40]), tmp_path / "few")
    assert WIDE not in few.files, "too few texts to tell"


def test_questions_about_companies_neither_teach_nor_weigh_them(plan: TrainingPlan) -> None:
    asked = [replace(item, company=item.text[0]) for item in TEXTS]
    deep = torch.zeros(80, len(SENTIMENTS))
    assert fit_wide(deep, TEXTS[80:], TEXTS[:80]) is not None
    assert fit_wide(deep, asked[80:], TEXTS[:80]) is None
    assert fit_wide(deep, TEXTS[80:], asked[:80]) is None


def test_topics_without_sentiments_need_none(tmp_path: Path, plan: TrainingPlan) -> None:
    topics = [replace(item, sentiment=None, topics=frozenset({"credit"})) for item in TEXTS]
    manifest = train(replace(plan, train=topics[80:], valid=topics[:80]), tmp_path / "model")
    assert WIDE not in manifest.files


def test_they_learn_the_validation_texts_once_these_have_said_what_they_weigh(
    tmp_path: Path, plan: TrainingPlan, made: Path
) -> None:
    words: dict[str, Sentiment] = {"soars": "positive", "crashes": "negative"}
    only_there = [
        Example(f"{name} {word}", sentiment, None, "en")
        for name in NAMES
        for word, sentiment in words.items()
    ]
    valid = [*TEXTS[:80], *only_there]
    kept = train(replace(plan, valid=valid), tmp_path / "kept")
    for refit in (False, True):
        output = tmp_path / f"learned-{refit}"
        found = train(replace(plan, valid=valid, wide_learns_all=True, refit=refit), output)
        assert found.metrics == kept.metrics and found.temperature == kept.temperature
        assert found.files[WIDE] != kept.files[WIDE]
        texts = [item.text for item in only_there]
        truth = [item.sentiment for item in only_there]
        right = [
            sum(a == b for a, b in zip(said(place, texts), truth, strict=True))
            for place in (tmp_path / "kept", output)
        ]
        assert right[1] > right[0]


def test_a_run_that_was_killed_ends_with_the_same_part(tmp_path: Path, plan: TrainingPlan) -> None:
    chosen = replace(plan, schedule=replace(ASLEEP, epochs=4), wide_learns_all=True, refit=True)
    steps: list[Progress] = []
    whole = train(chosen, tmp_path / "whole", steps.append)
    assert WIDE in whole.files
    for step in (steps[1].step, steps[-1].step):
        with pytest.raises(KeyboardInterrupt):
            train(chosen, tmp_path / "again", _interrupt_at(step))
    again = train(chosen, tmp_path / "again")
    assert again.metrics == whole.metrics
    assert again.files == whole.files


def test_training_goes_on_from_a_model_that_has_them(
    tmp_path: Path, plan: TrainingPlan, made: Path
) -> None:
    start = from_model(made, read_manifest(made))
    without = train(replace(plan, start=start, wide=False), tmp_path / "next")
    assert WIDE not in without.files, "they are of the texts that they were learned from"
    assert WIDE in train(replace(plan, start=start), tmp_path / "third").files


def test_the_registry_keeps_them(tmp_path: Path, made: Path) -> None:
    registry = Registry(tmp_path / "registry")
    version = registry.register(made)
    assert (registry.directory(version) / WIDE).is_file()
    assert BundledModel(str(registry.directory(version))).identifier == version


def broken(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    def harm(directory: Path) -> None:
        tensors = load_file(directory / WIDE)
        tensors[name] = change(tensors[name]).contiguous()
        save_file(tensors, directory / WIDE)

    return harm


def renamed(directory: Path) -> None:
    tensors = load_file(directory / WIDE)
    tensors["more"] = tensors.pop("bias")
    save_file(tensors, directory / WIDE)


HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no numbers": (broken("weight", lambda x: x * float("nan")), "holds NaN or infinity"),
    "another size": (broken("weight", lambda x: x[: BUCKETS // 2]), "has the shape"),
    "a column more": (broken("weight", lambda x: torch.cat([x, x[:, :1]], 1)), "has the shape"),
    "whole numbers": (broken("idf", lambda x: x.long()), "'idf' is I64"),
    "another name": (renamed, "tensor 'bias' is missing"),
    "no tensors": (lambda d: void((d / WIDE).write_bytes(b"\x80\x04K\x01.")), WIDE),
    "cut short": (lambda d: void((d / WIDE).write_bytes((d / WIDE).read_bytes()[:5000])), WIDE),
}


def void(_: object) -> None:
    pass


@pytest.mark.parametrize("name", sorted(HARMS))
def test_a_broken_part_is_refused_wherever_a_model_is_taken(
    tmp_path: Path, made: Path, name: str
) -> None:
    harm, told = HARMS[name]
    directory = shutil.copytree(made, tmp_path / "model")
    harm(directory)
    with pytest.raises(ModelError, match=rf"{WIDE}.*SHA-256"):
        BundledModel(str(directory))
    write_manifest(directory, read_manifest(made))
    with pytest.raises(ModelError, match=told):
        load_network(directory)
    with pytest.raises(ModelError, match=told):
        BundledModel(str(directory))
    with pytest.raises(ModelError, match=told):
        Registry(tmp_path / "registry").register(directory)


def test_only_methods_that_train_one_may_hold_it(tmp_path: Path, made: Path) -> None:
    directory = shutil.copytree(made, tmp_path / "model")
    told = msgspec.structs.replace(read_manifest(made), method="distilled")
    write_manifest(directory, told)
    with pytest.raises(ModelError, match=rf"lists '{WIDE}'"):
        load_network(directory)


def test_readings_are_joined_and_parted() -> None:
    inner = joined([[1], []], [[2, 3], [4]])
    outer = joined([[9, 8], [7]], inner)
    assert parted(outer) == ([[9, 8], [7]], inner)
    assert parted(inner) == ([[1], []], [[2, 3], [4]])


def test_nothing_read_adds_nothing() -> None:
    weights = np.ones((BUCKETS, 3), np.float32)
    part = Wide(np.ones(BUCKETS, np.float32), weights, np.ones(3, np.float32))
    found = part.logits([[], [5, 6], []])
    assert found[[0, 2]].tolist() == [[0.0] * 3] * 2
    assert (found[1] > 1).all()
    assert part.logits([]).shape == (0, 3)


def _interrupt_at(step: int) -> Callable[[Progress], None]:
    def listen(progress: Progress) -> None:
        if progress.step >= step:
            raise KeyboardInterrupt

    return listen
