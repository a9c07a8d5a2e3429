"""Training for real, on very little."""

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.answers import open_model
from models.companies import spans_of
from models.in_service import BundledModel
from models.loading import load_network
from models.manifest import ModelError, read_manifest
from models.scorer import Scorer
from models.training.examples import Example
from models.training.fit import Progress, Schedule
from models.training.plan import BornAgain, TrainingPlan
from models.training.recipes import RECIPES
from models.training.run import train, workplace_of
from models.training.search import search
from models.training.start import from_base, from_model
from tests.unit.models.tiny_base import tiny_base

NAMES = "abcdefghijklmnopqrst"
BAD = [f"{name} falls on loss" for name in NAMES]
GOOD = [f"{name} soars on profit" for name in NAMES]
EXAMPLES = [
    example
    for bad, good in zip(BAD, GOOD, strict=True)
    for example in (
        Example(bad, "negative", frozenset({"credit"}), "en"),
        Example(good, "positive", frozenset({"earnings"}), "en"),
    )
]
QUICK = Schedule(learning_rate=1e-2, epochs=8, batch_size=8, max_tokens=24, patience=9)


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    return TrainingPlan(
        name="tiny",
        languages=("en",),
        start=tiny_base(tmp_path / "base"),
        method="full",
        rank=4,
        schedule=QUICK,
        train=EXAMPLES[8:],
        valid=EXAMPLES[:8],
        sources=(),
        command="test",
    )


@pytest.mark.parametrize("method", ["full", "lora", "adalora", "linear"])
def test_a_model_learns_is_written_and_serves(
    tmp_path: Path, plan: TrainingPlan, method: str
) -> None:
    recipe = RECIPES["en"]
    rate = {"full": 1e-4, "lora": 2e-3, "adalora": 2e-2}.get(method, 0.0)
    chosen = replace(
        plan,
        method=method,  # type: ignore[arg-type]
        start=from_base(recipe.base, recipe.pooling, None),
        schedule=replace(QUICK, learning_rate=rate, epochs=6, batch_size=4),
    )
    output = tmp_path / "model"
    manifest = train(chosen, output)
    served = open_model(str(output), "en")
    assert served.identifier == manifest.identifier
    found, _, passed = served.answer(served.tokenise(["z falls on loss", "z soars on profit"]))
    assert found.argmax(-1).tolist() == [0, 2]
    assert passed[0, manifest.topics.index("credit")]
    assert not workplace_of(output).exists()
    counted = served.confusion
    assert counted is not None and counted.on == "its validation part"
    told = [row for row in plan.valid if row.sentiment is not None]
    assert sum(counted.negative_or_not("sentiment", "en")[::2]) == len(told)
    with pytest.raises(ModelError, match="in use"):
        train(plan, output)


def test_errors_are_counted_on_what_is_held_out_by_task_and_language(
    tmp_path: Path, plan: TrainingPlan
) -> None:
    held_out = [
        Example("z falls on loss", "negative", None, "en"),
        Example("z soars on profit", "positive", None, "en"),
        Example("z 公司 z", "negative", None, "zh"),
        Example("z falls on loss", "negative", None, "en", company="z"),
        Example("the topic alone is known", None, frozenset(("legal",)), "en"),
    ]
    before = train(plan, tmp_path / "one")
    made = train(replace(plan, held_out=held_out), tmp_path / "two")
    assert made.identifier == before.identifier
    found = made.confusion
    assert found is not None and found.on == "real texts, held out"
    texts = {
        (task, language): found.negative_or_not(task, language)[::2]
        for task, by_language in found.counts.items()
        for language in by_language
    }
    assert texts == {
        ("sentiment", "en"): (1, 1),
        ("sentiment", "zh"): (1, 0),
        ("company", "en"): (1, 0),
    }


def test_a_run_that_was_killed_ends_with_the_same_weights(
    tmp_path: Path, plan: TrainingPlan
) -> None:
    for method in ("full", "lora", "adalora"):
        chosen = replace(plan, method=method, rank=4)
        whole = train(chosen, tmp_path / f"{method}-whole")
        interrupted = tmp_path / f"{method}-interrupted"
        for step in (5, 11):
            with pytest.raises(KeyboardInterrupt):
                train(chosen, interrupted, _interrupt_after(step))
        again = train(chosen, interrupted)
        assert again.metrics == whole.metrics
        assert again.files == whole.files


def test_a_run_resumes_within_an_epoch(tmp_path: Path, plan: TrainingPlan) -> None:
    script = f"""
import os, sys
from pathlib import Path
from dataclasses import replace
import models.training.fit as fit
from tests.unit.models.test_training import EXAMPLES, QUICK, TrainingPlan, train
from models.training.start import from_base
from models.manifest import Base
fit.CHECKPOINT_SECONDS = -1.0
base = Base(name="tiny", licence="none", package="", sha256="")
many = frozenset(["banks", "legal", "credit", "deals"])  # in another order in each process
texts = [replace(example, topics=many) for example in EXAMPLES]
plan = TrainingPlan(name="tiny", languages=("en",),
    start=from_base(base, "mean", Path({str(tmp_path / "base")!r})), method="full", rank=4,
    schedule=QUICK, train=texts[8:] * 10, valid=EXAMPLES[:8], sources=(), command="test")
seen = []
def listen(step):
    seen.append(step.step)
    if sys.argv[2] == "die" and step.step == 60:
        os._exit(9)
    if sys.argv[2] == "die at 100" and step.step == 100:
        os._exit(9 if seen[0] >= 60 else 1)
train(plan, Path(sys.argv[1]), listen)
"""
    root = Path(__file__).parents[3]

    def run(output: Path, how: str) -> int:
        return subprocess.run(
            [sys.executable, "-c", script, str(output), how], cwd=root, check=False
        ).returncode

    assert run(tmp_path / "whole", "live") == 0
    assert run(tmp_path / "killed", "die") == 9
    assert (workplace_of(tmp_path / "killed") / "checkpoint.safetensors").is_file()
    kept = (workplace_of(tmp_path / "killed") / "run.sha256").read_text()
    assert run(tmp_path / "killed", "die at 100") == 9
    assert (workplace_of(tmp_path / "killed") / "run.sha256").read_text() == kept
    assert run(tmp_path / "killed", "live") == 0
    assert read_manifest(tmp_path / "killed").files == read_manifest(tmp_path / "whole").files


@pytest.mark.parametrize("method", ["full", "linear"])
def test_a_refit_learns_what_only_the_validation_part_has(
    tmp_path: Path, plan: TrainingPlan, method: str
) -> None:
    # Nothing in the train part tells these texts apart; they are in the validation part only.
    told = [
        example
        for name in NAMES
        for example in (
            Example(f"亏 {name}", "negative", None, "en"),
            Example(f"盈 {name}", "positive", None, "en"),
        )
    ]
    valid = [*EXAMPLES[:8], *told]
    chosen = replace(plan, method=method, valid=valid, refit=True)  # type: ignore[arg-type]
    alone = train(replace(chosen, refit=False), tmp_path / "alone")
    manifest = train(chosen, tmp_path / "model")
    assert manifest.metrics == alone.metrics
    assert manifest.temperature == alone.temperature
    reference = (tmp_path / "model" / "reference.json").read_text()
    assert reference == (tmp_path / "alone" / "reference.json").read_text()
    right = []
    for name in ("alone", "model"):
        model = open_model(str(tmp_path / name), "en")
        found, _, _ = model.answer(model.tokenise([example.text for example in told]))
        truth = [0 if example.sentiment == "negative" else 2 for example in told]
        right.append((found.argmax(-1) == truth).mean())
    assert right[1] > right[0] + 0.1


def test_a_killed_refit_ends_with_the_same_weights(tmp_path: Path, plan: TrainingPlan) -> None:
    chosen = replace(plan, method="lora", refit=True)
    steps: list[Progress] = []
    whole = train(chosen, tmp_path / "whole", steps.append)
    refitted = [step for step in steps if step.phase == "refit epoch"]
    assert refitted and [step.step for step in steps] == sorted(step.step for step in steps)
    assert refitted[-1].step == refitted[-1].steps
    assert refitted[-1].epoch == _best_epoch(steps)
    interrupted = tmp_path / "interrupted"
    for step in (11, refitted[0].step, refitted[-1].step):
        with pytest.raises(KeyboardInterrupt):
            train(chosen, interrupted, _interrupt_after(step))
    again = train(chosen, interrupted)
    assert again.metrics == whole.metrics
    assert again.files == whole.files


def test_a_model_born_again_learns_its_own_answers_to_texts_without_labels(
    tmp_path: Path, plan: TrainingPlan
) -> None:
    silent = [Example(f"z nobody labelled this {n}", None, None, "en") for n in range(8)]
    again = BornAgain(2, 1e-3, [*plan.train, *silent])
    first = train(plan, tmp_path / "first")
    made = train(replace(plan, born_again=again), tmp_path / "again")
    assert made.method == plan.method
    assert made.base == first.base
    assert made.teacher == ""
    assert made.files != first.files
    fewer = replace(again, train=[*plan.train, *silent[:4]])
    other = train(replace(plan, born_again=fewer), tmp_path / "fewer")
    assert other.files != made.files


@pytest.mark.parametrize("refit", [False, True])
def test_a_model_that_was_killed_while_it_is_born_again_ends_with_the_same_weights(
    tmp_path: Path, plan: TrainingPlan, refit: bool
) -> None:
    chosen = replace(plan, born_again=BornAgain(2, 1e-3, plan.train), refit=refit)
    seen: list[Progress] = []
    whole = train(chosen, tmp_path / "whole", seen.append)
    taught = [step.step for step in seen if step.trains]
    assert taught == sorted(taught)
    assert any("again" in step.phase and not step.trains for step in seen)
    output = tmp_path / "interrupted"
    with pytest.raises(KeyboardInterrupt):
        train(chosen, output, _interrupt_after(11))
    last = {step.phase: step.step for step in seen if "again" in step.phase and step.trains}
    assert len(last) == 1 + refit
    for phase, step in last.items():
        with pytest.raises(KeyboardInterrupt):
            train(chosen, output, _interrupt_after(step, phase))
        kept = "refit/lessons.safetensors" if "refit" in phase else "checkpoint.safetensors"
        assert (workplace_of(output) / kept).is_file()
    again = train(chosen, output)
    assert again.metrics == whole.metrics
    assert again.files == whole.files


@pytest.mark.parametrize("company", ["", "a"])
def test_a_model_born_again_reads_companies_if_labels_taught_it(
    tmp_path: Path, plan: TrainingPlan, company: str
) -> None:
    """That it is asked about them teaches nothing: it would answer itself."""
    labelled = replace(EXAMPLES[8], text="a falls on loss", company=company)
    asked = [replace(item, company=item.text[0], sentiment=None) for item in EXAMPLES[8:]]
    taught = [*plan.train, labelled]
    chosen = replace(plan, train=taught, born_again=BornAgain(1, 1e-3, [*taught, *asked]))
    assert train(chosen, tmp_path / "model").reads_companies == bool(company)


def test_another_plan_does_not_go_on_from_the_checkpoint(
    tmp_path: Path, plan: TrainingPlan
) -> None:
    output = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        train(plan, output, _interrupt_after(11))
    changed = replace(plan, schedule=replace(QUICK, seed=7))
    alone = train(changed, tmp_path / "alone")
    assert train(changed, output).files == alone.files


def test_accumulated_parts_learn_like_whole_batches(tmp_path: Path, plan: TrainingPlan) -> None:
    parted = replace(plan, schedule=replace(QUICK, accumulate=4))
    manifest = train(parted, tmp_path / "model")
    assert manifest.metrics["valid"]["sentiment_f1"] == 1.0


def test_training_goes_on_from_a_model(tmp_path: Path, plan: TrainingPlan) -> None:
    first = train(plan, tmp_path / "first")
    start = from_model(tmp_path / "first", first)
    one_pass = replace(QUICK, epochs=1, learning_rate=1e-5)
    second = train(replace(plan, start=start, schedule=one_pass), tmp_path / "second")
    assert second.base.name == first.identifier
    assert second.metrics["valid"]["sentiment_f1"] == 1.0
    own = [replace(item, topics=frozenset({"盈利"})) for item in EXAMPLES]
    third = train(
        replace(plan, start=start, train=own[8:], valid=own[:8], topics=("盈利", "亏损")),
        tmp_path / "third",
    )
    assert third.topics == ("盈利", "亏损")
    scorer = Scorer({"en": BundledModel(str(tmp_path / "third")), "zh": _other(tmp_path)})
    scores = scorer.score(["a soars on profit"])
    assert list(scores.topics_of(0)) == ["盈利"]


def test_a_company_can_be_asked_for(tmp_path: Path, plan: TrainingPlan) -> None:
    texts = [f"{a} soars as {b} falls" for a in NAMES[:12] for b in NAMES[12:]]
    asked = [
        example
        for text in texts
        for example in (
            Example(text, "positive", None, "en", company=text[0]),
            Example(text, "negative", None, "en", company=text[11]),
        )
    ]
    chosen = replace(
        plan, train=asked[16:], valid=asked[:16], schedule=replace(QUICK, epochs=8, batch_size=16)
    )
    manifest = train(chosen, tmp_path / "model")
    assert manifest.reads_companies
    assert manifest.metrics["valid"]["company_f1"] > 0.9
    model = BundledModel(str(tmp_path / "model"))
    text = "y soars as z falls"
    scores = Scorer({"en": model, "zh": model}).score(
        [text, text], None, [spans_of(text, "y"), spans_of(text, "z")]
    )
    assert [scores.label(0), scores.label(1)] == ["positive", "negative"]


def test_a_search_refits_with_the_best_settings(tmp_path: Path, plan: TrainingPlan) -> None:
    tried: dict[float, float] = {}

    def tell(number: int, settings: dict[str, float], figure: float) -> None:
        tried[settings["learning_rate"]] = figure

    chosen = replace(plan, schedule=replace(QUICK, epochs=2, learning_rate=1e-4), refit=True)
    phases: list[str] = []
    output = tmp_path / "found"
    manifest = search(chosen, 2, output, lambda step: phases.append(step.phase), tell)
    assert manifest.metrics["valid"]["macro_f1"] == max(tried.values())
    assert phases[-1] == "refit epoch"
    first = phases.index("refit epoch")
    assert set(phases[first:]) == {"refit epoch"}, "trials are not refitted"
    assert not output.with_name("found.search").exists()


def test_a_search_keeps_the_best_and_goes_on(tmp_path: Path, plan: TrainingPlan) -> None:
    output = tmp_path / "found"
    told: list[tuple[int, float]] = []
    short = replace(plan, schedule=replace(QUICK, epochs=2, learning_rate=1e-4))

    def tell(number: int, settings: dict[str, float], figure: float) -> None:
        assert set(settings) == {"learning_rate", "epochs"}
        told.append((number, figure))
        if number == 1 and len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(short, 4, output, told=tell)
    manifest = search(short, 4, output, told=tell)
    assert manifest.metrics["valid"]["macro_f1"] == max(figure for _, figure in told)
    assert not output.with_name("found.search").exists()


@pytest.mark.parametrize("method", ["full", "linear"])
def test_one_class_only_is_refused(tmp_path: Path, plan: TrainingPlan, method: str) -> None:
    bad = [Example(text, "negative", None, "en") for text in BAD]
    with pytest.raises(ModelError, match="only 'negative'"):
        train(
            replace(plan, train=bad[4:], valid=bad[:4], method=method),  # type: ignore[arg-type]
            tmp_path / "model",
        )


@pytest.mark.parametrize("method", ["full", "linear"])
def test_a_text_of_100_000_characters_is_cut(
    tmp_path: Path, plan: TrainingPlan, method: str
) -> None:
    long = [Example("loss " * 20_000, "negative", None, "en"), *plan.train]
    manifest = train(
        replace(plan, train=long, method=method),  # type: ignore[arg-type]
        tmp_path / "model",
    )
    model = open_model(str(tmp_path / "model"), "en")
    tokens = model.tokenise(["loss " * 20_000])
    assert np.isfinite(model.answer(tokens)[0]).all()
    assert manifest.files


def test_a_disk_that_takes_no_more_is_told_and_the_run_goes_on_later(
    tmp_path: Path, plan: TrainingPlan
) -> None:
    whole = train(plan, tmp_path / "whole")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        with pytest.raises(ModelError, match=r"cannot be written.* the same command goes on"):
            train(plan, tmp_path / "model")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / "model").exists()
    assert train(plan, tmp_path / "model").files == whole.files


def _best_epoch(steps: list[Progress]) -> int:
    figures = [step.valid["macro_f1"] for step in steps if step.valid]
    return figures.index(max(figures)) + 1


def _interrupt_after(step: int, phase: str = "epoch") -> Callable[[Progress], None]:
    def listen(progress: Progress) -> None:
        if progress.trains and progress.step >= step and progress.phase.endswith(phase):
            raise KeyboardInterrupt

    return listen


def _other(tmp_path: Path) -> BundledModel:
    assert load_network(tmp_path / "first")
    return BundledModel(str(tmp_path / "first"))
