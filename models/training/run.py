"""A whole training run: base, method, fit, calibration, and the model directory that comes out."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from sklearn.metrics import f1_score
from tokenizers import Tokenizer
from torch.nn import functional

from models.compact import compact, producible_rows
from models.encoder import Pooling, TwoHeadEncoder, pretrained_backbone
from models.labels import SENTIMENTS, TOPICS
from models.layout import ADAPTER, ENCODER, HEADS, TOKENIZER
from models.loading import base_directory, load_network
from models.manifest import Base, DataSource, Manifest, ModelError, write_manifest
from models.training.examples import Example
from models.training.fit import Progress, Schedule, fit, logits

LORA_TARGETS = ("query", "key", "value", "dense")
LORA_RANK = 32


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Everything that a run hangs on."""

    name: str
    languages: tuple[str, ...]
    base: Base
    base_path: Path | None
    """The base's directory where it does not come from a package."""
    pooling: str
    method: str
    schedule: Schedule
    train: Sequence[Example]
    valid: Sequence[Example]
    sources: tuple[DataSource, ...]
    command: str


def train(
    plan: TrainingPlan, output: Path, progress: Callable[[Progress], None] = lambda step: None
) -> Manifest:
    """Train a model and write its directory; resumes where an interrupted run left off.

    Raises ModelError for a base that cannot be used, or an output directory that is in use.
    """
    if output.exists() and any(output.iterdir()):
        raise ModelError(f"{output}: not empty; name a new directory")
    if not plan.train or not plan.valid:
        raise ModelError("training needs texts in both its train and its valid part")
    base = base_directory(plan.base, plan.base_path or Path())
    tokenizer = Tokenizer.from_file(str(base / TOKENIZER))
    torch.manual_seed(plan.schedule.seed)
    backbone, hidden = pretrained_backbone(base)
    if plan.method == "lora":
        config = LoraConfig(
            r=LORA_RANK,
            lora_alpha=2 * LORA_RANK,
            lora_dropout=0.05,
            target_modules=list(LORA_TARGETS),
            exclude_modules=r".*pooler.*",
        )
        backbone = cast("Any", get_peft_model(backbone, config))
    elif plan.method != "full":
        raise ModelError(f"method '{plan.method}': full and lora are known")
    network = TwoHeadEncoder(backbone, hidden, cast("Pooling", plan.pooling))
    workplace = output.with_name(output.name + ".training")
    workplace.mkdir(parents=True, exist_ok=True)
    best = fit(network, tokenizer, plan.train, plan.valid, plan.schedule, workplace, progress)

    output.mkdir(parents=True, exist_ok=True)
    if plan.method == "lora":
        cast("Any", backbone).save_pretrained(output, safe_serialization=True)
        (output / "README.md").unlink(missing_ok=True)
        _halve(output / ADAPTER)
    else:
        rows = producible_rows(tokenizer.get_vocab())
        weights = {
            name: tensor
            for name, tensor in backbone.state_dict().items()
            if not name.startswith("pooler.") and tensor.is_floating_point()
        }
        save_file(compact(weights, rows), output / ENCODER)
        shutil.copy(base / "config.json", output / "config.json")
        shutil.copy(base / TOKENIZER, output / TOKENIZER)
    heads = {
        f"{name}.{part}": tensor.contiguous()
        for name in ("sentiment", "topics")
        for part, tensor in getattr(network, name).state_dict().items()
    }
    save_file(heads, output / HEADS)
    manifest = write_manifest(
        output,
        Manifest(
            name=plan.name,
            languages=plan.languages,
            method=plan.method,
            pooling=plan.pooling,
            base=plan.base,
            max_tokens=plan.schedule.max_tokens,
            temperature=1.0,
            topic_thresholds={},
            data=plan.sources,
            metrics={"valid": best},
            command=plan.command,
            files={},
        ),
    )
    calibrated = _calibrate(output, tokenizer, plan.valid, manifest)
    shutil.rmtree(workplace)
    return write_manifest(output, calibrated)


def _halve(adapter: Path) -> None:
    """Half precision is enough for what is added to the base's matrices."""
    from safetensors.torch import load_file

    tensors = {name: tensor.to(torch.float16) for name, tensor in load_file(adapter).items()}
    save_file(tensors, adapter)


def _calibrate(
    directory: Path, tokenizer: Tokenizer, valid: Sequence[Example], manifest: Manifest
) -> Manifest:
    """Fit temperature and topic thresholds on the validation part, with the weights as shipped.

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    import msgspec

    _, network, _ = load_network(directory)
    sentiment, topics = logits(
        network, tokenizer, [example.text for example in valid], manifest.max_tokens
    )
    temperature = 1.0
    rows = [index for index, example in enumerate(valid) if example.sentiment is not None]
    if rows:
        truth = torch.tensor([SENTIMENTS.index(valid[row].sentiment) for row in rows])
        losses = {
            candidate / 20: float(
                functional.cross_entropy(sentiment[rows] / (candidate / 20), truth)
            )
            for candidate in range(10, 81)
        }
        temperature = min(losses, key=lambda candidate: losses[candidate])
    thresholds = {}
    rows = [index for index, example in enumerate(valid) if example.topics is not None]
    probabilities = topics[rows].sigmoid().numpy()
    for number, topic in enumerate(TOPICS):
        truth_of_topic = [topic in (valid[row].topics or ()) for row in rows]
        if sum(truth_of_topic) < 5:
            continue
        scores = {
            cut / 20: float(
                f1_score(truth_of_topic, probabilities[:, number] >= cut / 20, zero_division=0.0)
            )
            for cut in range(4, 17)
        }
        top = max(scores.values())
        # Of equally good cuts the one nearest to one half: the least fitted.
        thresholds[topic] = min(
            (cut for cut, score in scores.items() if score >= top - 1e-9),
            key=lambda cut: abs(cut - 0.5),
        )
    return msgspec.structs.replace(manifest, temperature=temperature, topic_thresholds=thresholds)
