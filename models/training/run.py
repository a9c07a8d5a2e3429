"""A whole training run: start, method, fit, calibration, and the model directory that comes out."""

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor

from models.answers import open_model
from models.backbone_config import read_backbone_config
from models.compact import compact, producible_rows
from models.encoder import TwoHeadEncoder
from models.evaluation.confusion import keep_confusion
from models.layout import CONFIG, ENCODER, HEADS, TOKENIZER
from models.loading import load_network, open_tokenizer
from models.manifest import Base, Manifest, ModelError, read_manifest, write_manifest
from models.ngrams import MAX_CHARACTERS
from models.reference import reference_of, write_reference
from models.scorer import Scorer
from models.training.adapters import adapter_for
from models.training.calibration import Calibration, calibrate
from models.training.checkpoints import Position
from models.training.examples import Example
from models.training.fit import Progress, fit, tokenised
from models.training.layers import copy_config
from models.training.lessons import Lessons, ask_teacher
from models.training.linear import fit_linear, linear_calibration, save_linear
from models.training.neurons import TEXTS, keep_neurons
from models.training.plan import TrainingPlan
from models.training.validation import logits
from models.training.wide import fit_wide
from models.verification import NAME_PATTERN

RUN = "run.sha256"
NO_BASE = Base(name="hashed n-grams", licence="Apache-2.0", package="", sha256="")


def workplace_of(output: Path) -> Path:
    """Where a run that writes `output` keeps its state."""
    return output.with_name(output.name + ".training")


def train(
    plan: TrainingPlan, output: Path, progress: Callable[[Progress], None] = lambda step: None
) -> Manifest:
    """Train a model and write its directory; goes on where an interrupted run of the same plan
    left off.

    Raises ModelError for data that says nothing, an output directory that is in use, a full disk.
    """
    _check(plan, output)
    with _writing(output):
        workplace = _workplace(plan, output)
        if plan.born_again is not None:
            plan, progress = _second(plan, workplace / "first", progress)
        result = workplace / "result"
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir()
        make = _make_linear if plan.method == "linear" else _make_encoder
        manifest = make(plan, workplace, result, progress)
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.is_dir():
            output.rmdir()
        result.rename(output)
    shutil.rmtree(workplace)
    return manifest


def _second(
    plan: TrainingPlan, first: Path, progress: Callable[[Progress], None]
) -> tuple[TrainingPlan, Callable[[Progress], None]]:
    """Make the first model, unless an interrupted run has; the plan of the second training, and
    what hears of its steps, which count on from the most that the first can have."""
    if first.is_dir():
        made = read_manifest(first)
    else:
        alone = replace(plan, born_again=None, refit=False, wide=False)
        made = train(alone, first, progress)

    before = -(-len(plan.train) // plan.schedule.batch_size) * plan.schedule.epochs
    return plan.second(first, made), _behind(before, "born again, ", progress)


def _behind(
    before: int, prefix: str, progress: Callable[[Progress], None]
) -> Callable[[Progress], None]:
    """Hears of a training that follows one of so many steps."""

    def tell(step: Progress) -> None:
        told = replace(step, phase=prefix + step.phase)
        if step.trains:
            told = replace(told, step=before + step.step, steps=before + step.steps)
        progress(told)

    return tell


def _make_encoder(
    plan: TrainingPlan, workplace: Path, result: Path, progress: Callable[[Progress], None]
) -> Manifest:
    _, tokenizer_path, config_path = plan.start.open(plan.topics)
    read_backbone_config(config_path)
    tokenizer = open_tokenizer(tokenizer_path, plan.schedule.max_tokens)
    if plan.start.layers:
        copy_config(config_path, result / CONFIG, len(plan.start.layers), plan.start.neurons)
    else:
        shutil.copyfile(config_path, result / CONFIG)
    shutil.copyfile(tokenizer_path, result / TOKENIZER)
    network, ended = _fitted(plan, tokenizer, workplace, progress)
    _save_weights(network, tokenizer, result)
    write_manifest(result, _manifest(plan, ended.best))
    found, sentiment = _calibration(result, plan.valid)
    _calibrate_heads(result, found)
    manifest = write_manifest(result, found.told_in(_manifest(plan, ended.best)))
    shifted = sentiment + torch.from_numpy(found.sentiment_shift)
    wide = fit_wide(shifted, plan.train, plan.valid) if plan.wide else None
    if wide is not None:
        wide.save(result)
        manifest = write_manifest(result, wide.told_in(manifest))
    manifest = _with_reference(plan, result, manifest)
    if plan.refit:
        again, tell = _refit(plan, ended, progress)
        (workplace / "refit").mkdir(exist_ok=True)
        network, _ = _fitted(again, tokenizer, workplace / "refit", tell)
        _save_weights(network, tokenizer, result)
        write_manifest(result, manifest)
        _calibrate_heads(result, found)
    if wide is not None and plan.wide_learns_all:
        wide.refitted([*plan.train, *plan.valid], plan.valid).save(result)
    return write_manifest(result, manifest)


def _fitted(
    plan: TrainingPlan, tokenizer: Tokenizer, workplace: Path, progress: Callable[[Progress], None]
) -> tuple[TwoHeadEncoder, Position]:
    """The trained network, on the CPU and whole, and where its training ended."""
    assert plan.method != "linear"
    torch.manual_seed(plan.schedule.seed)
    network, _, _ = plan.start.open(plan.topics)
    if plan.start.neurons:
        keep_neurons(network, plan.start.neurons, _sample(plan, tokenizer))
    steps = -(-len(plan.train) // plan.schedule.batch_size) * plan.schedule.epochs
    adapter = adapter_for(plan.method, network.backbone, plan.rank, steps)
    network.backbone = adapter.backbone
    network.to(plan.device)
    ended = fit(
        network,
        adapter,
        tokenizer,
        plan.train,
        plan.valid,
        plan.schedule,
        workplace,
        progress,
        _lessons(plan, tokenizer, workplace, progress),
    )
    network.backbone = adapter.merged()
    return network.to("cpu"), ended


def _refit(
    plan: TrainingPlan, ended: Position, progress: Callable[[Progress], None]
) -> tuple[TrainingPlan, Callable[[Progress], None]]:
    """The plan of the second training, on all texts for as many epochs as the first found best;
    and what hears of its steps, which count on from those of the first."""

    schedule = replace(plan.schedule, epochs=ended.best_epoch)
    again = replace(plan, train=[*plan.train, *plan.valid], valid=[], schedule=schedule)
    return again, _behind(ended.step, "refit ", progress)


def _sample(plan: TrainingPlan, tokenizer: Tokenizer) -> list[list[int]]:
    """Tokens of some training texts, from all over."""
    step = max(1, len(plan.train) // TEXTS)
    return tokenised(tokenizer, plan.train[::step], plan.schedule.max_tokens)


def _lessons(
    plan: TrainingPlan,
    tokenizer: Tokenizer,
    workplace: Path,
    progress: Callable[[Progress], None],
) -> Lessons | None:
    """The teacher's answers to the training texts, where there is a teacher."""
    if plan.distillation is None or not plan.schedule.epochs:
        return None

    def show(done: int, of: int) -> None:
        progress(Progress(0, done, of, 0.0, 0.0, {}, trains=False))

    tokens = tokenised(tokenizer, plan.train, plan.schedule.max_tokens)
    return ask_teacher(plan.distillation, tokens, workplace, plan.device, show)


def _calibration(directory: Path, valid: Sequence[Example]) -> tuple[Calibration, Tensor]:
    """What a model directory needs to be calibrated on a validation part, and its sentiments'
    logits (n, 3) there."""
    manifest, shipped, tokenizer_path = load_network(directory)
    tokenizer = open_tokenizer(tokenizer_path, manifest.max_tokens)
    sentiment, topics = logits(shipped, tokenizer, valid, manifest.max_tokens)
    return calibrate(sentiment, topics, valid, manifest.topics), sentiment


def _calibrate_heads(directory: Path, found: Calibration) -> None:
    """Put the shift of the sentiments into their head, and the temperature of topics into
    theirs."""
    _, shipped, _ = load_network(directory)
    with torch.no_grad():
        shipped.sentiment.bias.add_(torch.from_numpy(found.sentiment_shift))
        shipped.topics.weight.div_(found.topics_temperature)
        shipped.topics.bias.div_(found.topics_temperature)
    _save_heads(shipped, directory)


def _with_reference(plan: TrainingPlan, directory: Path, manifest: Manifest) -> Manifest:
    """Keep with the model what it says of texts that it did not learn from: of its validation part,
    against which drift is measured, and its errors on that or on what was held out."""
    texts = [example for example in plan.valid if not example.company]
    if texts:
        model = open_model(str(directory), plan.languages[0])
        scorer = Scorer({"en": model, "zh": model})
        prepared = scorer.prepare(
            [example.text for example in texts], [example.language for example in texts]
        )
        scores = scorer.run(prepared)
        write_reference(directory, reference_of(scores, *prepared.token_counts()))
        write_manifest(directory, manifest)
    on = "real texts, held out" if plan.held_out else "its validation part"
    return keep_confusion(directory, on, plan.held_out or plan.valid)


def _make_linear(
    plan: TrainingPlan, workplace: Path, result: Path, progress: Callable[[Progress], None]
) -> Manifest:
    def show(done: int, of: int) -> None:
        progress(Progress(0, done, of, 0.0, 0.0, {}))

    tensors, strength = fit_linear(plan.train, plan.valid, plan.topics, show)
    save_linear(tensors, result)
    manifest = write_manifest(result, _manifest(plan, {}))
    found = linear_calibration(result, manifest, plan.valid)
    save_linear(tensors, result, found)
    manifest = write_manifest(result, found.told_in(manifest))
    manifest = _with_reference(plan, result, manifest)
    if plan.refit:
        known = [*plan.train, *plan.valid]
        tensors, _ = fit_linear(known, plan.valid, plan.topics, show, [strength])
        save_linear(tensors, result, found)
        manifest = write_manifest(result, manifest)
    return manifest


def _check(plan: TrainingPlan, output: Path) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ModelError(f"{output}: in use; name a new directory")
    if not re.fullmatch(NAME_PATTERN, plan.name):
        raise ModelError(f"{plan.name}: a model's name is letters, digits, spaces and . _ + -")
    if not plan.train or not plan.valid:
        raise ModelError("training needs texts in both its train and its valid part")
    sentiments = {item.sentiment for item in plan.train if item.sentiment is not None}
    topics = {topic for item in plan.train for topic in item.topics or ()}
    if len(sentiments) < 2 and not topics and plan.distillation is None:
        only = f"only '{sentiments.pop()}'" if sentiments else "none"
        raise ModelError(f"nothing to tell apart: of the sentiments {only}, and no topic, is there")


def _workplace(plan: TrainingPlan, output: Path) -> Path:
    """The folder for the run's state; a state of another plan is thrown away."""
    workplace, digest = workplace_of(output), plan.digest()
    mark = workplace / RUN
    if workplace.is_dir() and (not mark.is_file() or mark.read_text() != digest):
        shutil.rmtree(workplace)
    workplace.mkdir(parents=True, exist_ok=True)
    mark.write_text(digest)
    return workplace


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    """A full disk or a folder that cannot be written is the user's to mend."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"{output}: cannot be written: {error}; what was saved before is in "
            f"{workplace_of(output)}, and the same command goes on from there"
        ) from error


def _save_weights(network: TwoHeadEncoder, tokenizer: Tokenizer, directory: Path) -> None:
    weights = {
        name: tensor
        for name, tensor in network.backbone.state_dict().items()
        if not name.startswith("pooler.") and tensor.is_floating_point()
    }
    rows = producible_rows(tokenizer.get_vocab())
    save_file(compact(weights, rows), directory / ENCODER)
    _save_heads(network, directory)


def _save_heads(network: TwoHeadEncoder, directory: Path) -> None:
    heads = {
        f"{name}.{part}": tensor.contiguous()
        for name in ("sentiment", "topics")
        for part, tensor in getattr(network, name).state_dict().items()
    }
    save_file(heads, directory / HEADS)


def _manifest(plan: TrainingPlan, best: dict[str, float]) -> Manifest:
    linear = plan.method == "linear"
    asked = plan.start.reads_companies or any(
        item.company and item.sentiment is not None for item in plan.train
    )
    learned = plan.distillation
    teacher = learned.identifier if learned and not learned.own else ""
    return Manifest(
        name=plan.name,
        languages=plan.languages,
        method="distilled" if teacher else plan.method,
        pooling=plan.start.pooling,
        base=NO_BASE if linear else plan.start.base,
        topics=plan.topics,
        max_tokens=MAX_CHARACTERS if linear else plan.schedule.max_tokens,
        temperature=1.0,
        topic_thresholds={},
        data=plan.sources,
        metrics={"valid": best},
        command=plan.command,
        teacher=teacher,
        reads_companies=asked and not linear,
        files={},
    )
