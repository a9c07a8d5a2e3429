"""A student learns from its teacher, for real and on very little."""

import itertools
import json
import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import models.training.lessons as lessons
from models.encoder import TwoHeadEncoder, empty_backbone
from models.in_service import BundledModel
from models.labels import SENTIMENTS, TOPICS
from models.loading import load_network, open_tokenizer
from models.manifest import ModelError, write_manifest
from models.training.examples import Example
from models.training.fit import Progress, Schedule, tokenised
from models.training.layers import chosen_layers, copy_config, keep_layers, layer_count
from models.training.lessons import Distillation, ask_teacher
from models.training.neurons import neuron_count
from models.training.plan import TrainingPlan
from models.training.run import train, workplace_of
from models.training.start import from_teacher
from models.training.validation import logits
from tests.unit.models.tiny import CONFIGS, VOCABULARY, write_tiny

QUICK = Schedule(learning_rate=1e-2, epochs=12, batch_size=16, max_tokens=16, patience=99)
DEEP = {"num_hidden_layers": 3, "initializer_range": 0.3}
"""Weights that are large enough for each layer to matter."""
TEXTS = [" ".join(pair) for pair in itertools.permutations(VOCABULARY[6:], 2)]
random.Random(0).shuffle(TEXTS)


class School:
    """A teacher of three layers, and what its students are made from."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "teacher"
        plain = write_tiny(self.directory, name="teacher", more=DEEP)
        reads = msgspec.structs.replace(plain, reads_companies=True)
        self.manifest = write_manifest(self.directory, reads)
        _, self.network, path = load_network(self.directory)
        self.tokenizer = open_tokenizer(path, QUICK.max_tokens)
        self.unseen = [_text(text) for text in TEXTS[300:]]
        valid = [_text(text) for text in TEXTS[220:300]]
        said = self.answers(self.network, valid)[0].argmax(-1).tolist()
        asked = [replace(_text(text), company=text.split()[0]) for text in TEXTS[:20]]
        self.plan = TrainingPlan(
            name="student",
            languages=("en",),
            start=from_teacher(self.directory, self.manifest, "0,2"),
            method="full",
            rank=0,
            schedule=QUICK,
            train=[*(_text(text) for text in TEXTS[:220]), *asked],
            valid=[
                replace(item, sentiment=SENTIMENTS[label])
                for item, label in zip(valid, said, strict=True)
            ],
            sources=(),
            command="test",
            distillation=Distillation(self.directory, self.manifest.identifier, backend="torch"),
        )

    def answers(self, network: TwoHeadEncoder, texts: list[Example]) -> tuple[Tensor, Tensor]:
        return logits(network, self.tokenizer, texts, QUICK.max_tokens)

    def distance(self, network: TwoHeadEncoder) -> float:
        """How far a student's answers to unseen texts are from the teacher's, in probabilities."""
        taught, found = (self.answers(one, self.unseen) for one in (self.network, network))
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
    unread = replace(school.plan.start, reads_companies=False)
    once = replace(school.plan, start=unread, schedule=replace(QUICK, epochs=1))
    assert not train(once, tmp_path / "other").reads_companies
    assert "calibration" in made.metrics
    assert BundledModel(str(tmp_path / "student")).identifier == made.identifier


def test_a_student_with_fewer_neurons_too(school: School, tmp_path: Path) -> None:
    start = from_teacher(school.directory, school.manifest, "3", neurons=12)
    plan = replace(school.plan, start=start)
    made = train(plan, tmp_path / "narrow")
    manifest, network, _ = load_network(tmp_path / "narrow")
    assert made == manifest
    assert (layer_count(network), neuron_count(network)) == (3, 12)
    assert school.distance(network) < school.distance(school.plan.start.open(TOPICS)[0]) / 2
    assert plan.digest() != school.plan.digest()
    with pytest.raises(ModelError, match="33 neurons: the teacher has 32 in a layer"):
        from_teacher(school.directory, school.manifest, "3", neurons=33)


def test_a_student_may_be_cut_to_size_and_learn_nothing(school: School, tmp_path: Path) -> None:
    start = from_teacher(school.directory, school.manifest, "3", neurons=24)
    schedule = replace(school.plan.schedule, epochs=0)
    made = train(replace(school.plan, start=start, schedule=schedule), tmp_path / "cut")
    manifest, network, _ = load_network(tmp_path / "cut")
    assert made == manifest and "macro_f1" in made.metrics["valid"]
    # No step was taken: what the cut leaves alone is as its teacher's, but for its int8 rows.
    kept = network.backbone.get_parameter("encoder.layer.0.attention.self.query.weight")
    taught = school.network.backbone.get_parameter("encoder.layer.0.attention.self.query.weight")
    assert torch.allclose(kept, taught, atol=taught.abs().max().item() / 127)
    assert school.distance(network) < school.distance(school.plan.start.open(TOPICS)[0])


def test_without_its_teacher_a_student_learns_nothing(school: School, tmp_path: Path) -> None:
    """Where no text has a label and the teacher counts for nothing, it stays as far away."""
    assert school.plan.distillation is not None
    deaf = replace(
        school.plan.distillation, sentiment_weight=0.0, topics_weight=0.0, vector_weight=0.0
    )
    before = school.distance(school.plan.start.open(TOPICS)[0])
    train(replace(school.plan, distillation=deaf), tmp_path / "deaf")
    assert school.distance(load_network(tmp_path / "deaf")[1]) > before * 0.9


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
    texts = list(school.plan.train[-16:])
    tokens = tokenised(school.tokenizer, texts, QUICK.max_tokens)
    told: list[tuple[int, int]] = []
    assert school.plan.distillation is not None
    ask_teacher(school.plan.distillation, tokens, tmp_path, "cpu", lambda *done: told.append(done))
    assert told == [(7, 16), (14, 16), (16, 16)]
    kept = load_file(tmp_path / "lessons.safetensors")
    sentiment, topics = school.answers(school.network, texts)
    assert torch.allclose(kept["sentiment"].float(), sentiment, rtol=2e-3, atol=2e-3)
    assert torch.allclose(kept["topics"].float(), topics, rtol=2e-3, atol=2e-3)
    said = school.network.sentiment(kept["pooled"].float())
    assert torch.allclose(said, sentiment, rtol=0.02, atol=0.05)


def test_a_student_that_answers_alike_costs_nothing(school: School, tmp_path: Path) -> None:
    texts = list(school.plan.train[:4])
    tokens = tokenised(school.tokenizer, texts, QUICK.max_tokens)
    assert school.plan.distillation is not None
    chosen = replace(school.plan.distillation, topics_weight=0.0)
    known = ask_teacher(chosen, tokens, tmp_path, "cpu")
    kept = {k: v.float() for k, v in load_file(tmp_path / "lessons.safetensors").items()}
    rows, asked = [2, 0], [texts[2], texts[0]]
    same = kept["pooled"][rows], kept["sentiment"][rows], kept["topics"][rows]
    assert float(known.loss(torch.zeros(()), rows, asked, *same)) == pytest.approx(0, abs=1e-6)
    assert float(known.loss(torch.ones(()), rows, asked, *same)) == pytest.approx(0.5)
    swapped = kept["pooled"][[0, 2]], kept["sentiment"][[0, 2]], kept["topics"][[0, 2]]
    cost = float(known.loss(torch.zeros(()), rows, asked, *swapped))
    assert cost > 0.1
    heavier = [replace(example, weight=2.0) for example in asked]
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
    copy_config(tmp_path / "config.json", tmp_path / "cut.json", 2)
    cut = json.loads((tmp_path / "cut.json").read_text(encoding="utf-8"))
    assert cut == {**config, key: 2}
    other = TwoHeadEncoder(*empty_backbone(cut), "mean").eval()
    other.load_state_dict(network.state_dict())
    ids = torch.tensor([[2, 7, 8, 3]])
    for one, two in zip(network(ids, ids * 0 + 1), other(ids, ids * 0 + 1), strict=True):
        assert torch.allclose(one, two, atol=1e-6)


def _text(text: str) -> Example:
    return Example(text, None, None, "en")
