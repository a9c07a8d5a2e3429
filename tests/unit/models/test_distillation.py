"""A student learns from its teacher, for real and on very little."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

import models.training.lessons as lessons
from models.encoder import TwoHeadEncoder, empty_backbone
from models.in_service import BundledModel
from models.labels import TOPICS
from models.loading import load_network, open_tokenizer
from models.manifest import Manifest, ModelError
from models.training.examples import Example
from models.training.fit import Progress, Schedule, tokenised
from models.training.layers import chosen_layers, copy_config, keep_layers, layer_count
from models.training.lessons import Distillation, ask_teacher
from models.training.run import TrainingPlan, train, workplace_of
from models.training.start import from_teacher
from models.training.validation import logits
from tests.unit.models.test_training import EXAMPLES
from tests.unit.models.tiny import CONFIGS
from tests.unit.models.tiny_base import tiny_base

QUICK = Schedule(learning_rate=1e-2, epochs=8, batch_size=8, max_tokens=24, patience=9)
UNLABELLED = [
    Example(text, None, None, "en", company=company)
    for name in "abcdefghijkl"
    for text, company in (
        (f"{name} falls", ""),
        (f"{name} soars on loss", ""),
        (f"{name} falls as profit soars", name),
    )
]
UNSEEN = [
    Example(text, None, None, "en")
    for name in "uvwxyz"
    for text in (f"{name} falls on loss", f"{name} soars on profit", f"{name} soars on loss")
]


class School:
    """A teacher of three layers, and what its students are made from."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "teacher"
        plan = TrainingPlan(
            name="teacher",
            languages=("en",),
            start=tiny_base(folder / "base", layers=3),
            method="full",
            rank=0,
            schedule=QUICK,
            train=[*EXAMPLES[8:], Example("a soars", "positive", None, "en", company="a")],
            valid=EXAMPLES[:8],
            sources=(),
            command="test",
        )
        self.manifest = train(plan, self.directory)
        self.plan = replace(
            plan,
            name="student",
            start=from_teacher(self.directory, self.manifest, "0,2"),
            train=[*EXAMPLES[8:], *UNLABELLED],
            distillation=Distillation(self.directory, self.manifest.identifier, backend="torch"),
        )

    def distance(self, network: TwoHeadEncoder) -> float:
        """How far a student's answers to unseen texts are from the teacher's, in probabilities."""
        _, teacher, path = load_network(self.directory)
        tokenizer = open_tokenizer(path, QUICK.max_tokens)
        taught = logits(teacher, tokenizer, UNSEEN, QUICK.max_tokens)
        found = logits(network, tokenizer, UNSEEN, QUICK.max_tokens)
        sentiment = (found[0].softmax(-1) - taught[0].softmax(-1)).abs().mean()
        topics = (found[1].sigmoid() - taught[1].sigmoid()).abs().mean()
        return float(sentiment + topics)


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("school"))


def test_a_student_comes_to_answer_as_its_teacher_does(school: School, tmp_path: Path) -> None:
    before = school.distance(school.plan.start.open(TOPICS)[0])
    made = train(school.plan, tmp_path / "student")
    manifest, network, _ = load_network(tmp_path / "student")
    assert layer_count(network) == 2
    assert school.distance(network) < before / 2
    assert made == manifest
    assert (made.method, made.teacher) == ("distilled", school.manifest.identifier)
    assert made.base.name == school.manifest.base.name
    assert made.reads_companies
    assert made.metrics["valid"]["sentiment_f1"] == 1.0
    assert "calibration" in made.metrics
    served = BundledModel(str(tmp_path / "student"))
    found, _, _ = served.answer(served.tokenise(["z falls on loss", "z soars on profit"]))
    assert found.argmax(-1).tolist() == [0, 2]


def test_a_teacher_is_enough(school: School, tmp_path: Path) -> None:
    """No text has a label, and a student whose teacher counts for nothing stays what it was."""
    silent = [replace(item, sentiment=None, topics=None) for item in school.plan.train]
    taught = replace(school.plan, train=silent)
    train(taught, tmp_path / "taught")
    assert school.plan.distillation is not None
    deaf = replace(
        school.plan.distillation, sentiment_weight=0.0, topics_weight=0.0, vector_weight=0.0
    )
    train(replace(taught, distillation=deaf), tmp_path / "deaf")
    far, near = (school.distance(load_network(tmp_path / name)[1]) for name in ("deaf", "taught"))
    assert near < far / 2


def test_a_run_that_was_killed_ends_with_the_same_weights(school: School, tmp_path: Path) -> None:
    whole = train(school.plan, tmp_path / "whole")
    output = tmp_path / "interrupted"
    kept = workplace_of(output) / "lessons.safetensors"

    def killed(after: int, answered: bool) -> None:
        def listen(progress: Progress) -> None:
            # While the teacher answers, steps are texts of all the training texts.
            answering = progress.steps == len(school.plan.train)
            if answering != answered and progress.step >= after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(school.plan, output, listen)

    killed(0, answered=False)
    assert not kept.exists()
    killed(5, answered=True)
    asked_once = kept.stat().st_ino
    killed(30, answered=True)
    assert kept.stat().st_ino == asked_once
    again = train(school.plan, output)
    assert again.metrics == whole.metrics
    assert again.files == whole.files
    assert not workplace_of(output).exists()


def test_another_teacher_or_temperature_begins_anew(school: School, tmp_path: Path) -> None:
    assert school.plan.distillation is not None
    others = (
        replace(school.plan.distillation, temperature=3.0),
        replace(school.plan.distillation, identifier="other@00000000"),
        replace(school.plan.distillation, labels_weight=0.0),
        None,
    )
    plans = [replace(school.plan, distillation=other) for other in others]
    plans.append(replace(school.plan, start=from_teacher(school.directory, school.manifest, "0,1")))
    digests = {plan.digest() for plan in (school.plan, *plans)}
    assert len(digests) == len(plans) + 1
    moved = replace(school.plan.distillation, teacher=tmp_path)
    assert replace(school.plan, distillation=moved).digest() == school.plan.digest()


def test_the_teachers_answers_are_kept_chunk_by_chunk(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lessons, "CHUNK_TEXTS", 7)
    texts = [*EXAMPLES[:9], *UNLABELLED[:7]]
    _, teacher, path = load_network(school.directory)
    tokenizer = open_tokenizer(path, QUICK.max_tokens)
    tokens = tokenised(tokenizer, texts, QUICK.max_tokens)
    told: list[tuple[int, int]] = []
    assert school.plan.distillation is not None
    ask_teacher(school.plan.distillation, tokens, tmp_path, "cpu", lambda *done: told.append(done))
    assert told == [(7, 16), (14, 16), (16, 16)]
    kept = load_file(tmp_path / "lessons.safetensors")
    sentiment, topics = logits(teacher, tokenizer, texts, QUICK.max_tokens)
    assert torch.allclose(kept["sentiment"].float(), sentiment, atol=0.02)
    assert torch.allclose(kept["topics"].float(), topics, atol=0.02)
    assert kept["pooled"].shape == (16, 32)
    assert torch.allclose(teacher.sentiment(kept["pooled"].float()), sentiment, atol=0.05)


def test_what_a_student_costs_is_nothing_where_it_answers_alike(
    school: School, tmp_path: Path
) -> None:
    tokens = tokenised(_tokenizer(school.manifest, school.directory), EXAMPLES[:4], 24)
    assert school.plan.distillation is not None
    chosen = replace(school.plan.distillation, topics_weight=0.0)
    known = ask_teacher(chosen, tokens, tmp_path, "cpu")
    kept = {k: v.float() for k, v in load_file(tmp_path / "lessons.safetensors").items()}
    rows, texts = [2, 0], [EXAMPLES[2], EXAMPLES[0]]
    same = kept["pooled"][rows], kept["sentiment"][rows], kept["topics"][rows]
    assert float(known.loss(torch.zeros(()), rows, texts, *same)) == pytest.approx(0, abs=1e-6)
    assert float(known.loss(torch.ones(()), rows, texts, *same)) == pytest.approx(0.5)
    swapped = kept["pooled"][[0, 2]], kept["sentiment"][[0, 2]], kept["topics"][[0, 2]]
    cost = float(known.loss(torch.zeros(()), rows, texts, *swapped))
    assert cost > 0.1
    heavier = [replace(example, weight=2.0) for example in texts]
    assert float(known.loss(torch.zeros(()), rows, heavier, *swapped)) == pytest.approx(2 * cost)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("0,5", (0, 5)), ("2", (0, 5)), ("3", (0, 2, 5)), ("1", (0,)), ("4,", (4,)), (" 1, 4", (1, 4)),
     ("6", (0, 1, 2, 3, 4, 5))],
)  # fmt: skip
def test_layers_by_number_or_evenly(wanted: str, found: tuple[int, ...]) -> None:
    assert chosen_layers(wanted, 6) == found


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ("0,6", "the teacher has 0 to 5, not 6"),
        ("7", "choose 1 to 6"),
        ("0", "choose 1 to 6"),
        ("5,0", "the lower before the higher"),
        ("1,1", "name each once"),
        ("first", "write which, as 0,5"),
        ("-1", "write which, as 0,5"),
        ("", "write which, as 0,5"),
        (",", "write which, as 0,5"),
    ],
)
def test_layers_that_are_not_there(wanted: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        chosen_layers(wanted, 6)


@pytest.mark.parametrize("model_type", CONFIGS)
def test_encoders_of_all_types_lose_layers(tmp_path: Path, model_type: str) -> None:
    key = "n_layers" if model_type == "distilbert" else "num_hidden_layers"
    config = {**CONFIGS[model_type], key: 3}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    torch.manual_seed(0)
    network = TwoHeadEncoder(*empty_backbone(config), "mean").eval()
    keep_layers(network, (0, 2))
    copy_config(tmp_path / "config.json", tmp_path / "cut.json", (0, 2))
    cut = json.loads((tmp_path / "cut.json").read_text(encoding="utf-8"))
    assert cut == {**config, key: 2}
    other = TwoHeadEncoder(*empty_backbone(cut), "mean").eval()
    other.load_state_dict(network.state_dict())
    ids = torch.tensor([[2, 7, 8, 3]])
    for one, two in zip(network(ids, ids * 0 + 1), other(ids, ids * 0 + 1), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def _tokenizer(manifest: Manifest, directory: Path) -> Tokenizer:
    return open_tokenizer(load_network(directory)[2], manifest.max_tokens)
