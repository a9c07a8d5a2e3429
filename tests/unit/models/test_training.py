"""Training for real, on very little."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.answers import open_model
from models.companies import spans_of
from models.in_service import BundledModel
from models.loading import load_network
from models.manifest import ModelError
from models.scorer import Scorer
from models.training.examples import Example
from models.training.plan import BornAgain, TrainingPlan
from models.training.recipes import RECIPES
from models.training.run import train, workplace_of
from models.training.search import search
from models.training.start import from_base, from_model
from tests.unit.models.tiny_plan import BAD, EXAMPLES, NAMES, QUICK, tiny_plan


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    return tiny_plan(tmp_path)


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


def _other(tmp_path: Path) -> BundledModel:
    assert load_network(tmp_path / "first")
    return BundledModel(str(tmp_path / "first"))
