"""The training loop: both tasks at once, resumable, the best checkpoint kept."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from sklearn.metrics import f1_score
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.encoder import TwoHeadEncoder, padded
from models.labels import SENTIMENTS, TOPICS
from models.training.examples import Example

ABSENT_TOPIC_WEIGHT = 0.4
"""Weight of a topic's absence where the set names one topic a text (see Example.single_topic)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to train: AdamW, linear warm-up over the first tenth of the steps, then linear decay."""

    learning_rate: float
    epochs: int
    batch_size: int
    max_tokens: int
    weight_decay: float = 0.01
    head_factor: float = 5.0
    """The heads start from nothing: their learning rate is this many times the backbone's."""
    warm_up: float = 0.1
    patience: int = 3
    label_smoothing: float = 0.05
    seed: int = 20_26
    bf16: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the run, for whoever shows it."""

    epoch: int
    step: int
    steps: int
    loss: float
    valid: dict[str, float]


def fit(
    network: TwoHeadEncoder,
    tokenizer: Tokenizer,
    train: Sequence[Example],
    valid: Sequence[Example],
    schedule: Schedule,
    workplace: Path,
    progress: Callable[[Progress], None] = lambda step: None,
) -> dict[str, float]:
    """Train in place; the network ends with the weights of the best epoch by validation macro-F1.

    After each epoch the state goes to `workplace`; a run that finds one there goes on from it.
    Returns the best epoch's validation figures.
    """
    torch.manual_seed(schedule.seed)
    shuffler = random.Random(schedule.seed)  # noqa: S311 - an order of training texts, no secret
    tokens = _tokenised(tokenizer, train, schedule.max_tokens)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    heads = {id(p) for head in (network.sentiment, network.topics) for p in head.parameters()}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if id(p) not in heads], "lr": schedule.learning_rate},
            {
                "params": [p for p in trained if id(p) in heads],
                "lr": min(schedule.learning_rate * schedule.head_factor, 1e-3),
            },
        ],
        weight_decay=schedule.weight_decay,
    )
    steps = math.ceil(len(train) / schedule.batch_size) * schedule.epochs
    plan = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _factor(step, steps, schedule.warm_up)
    )
    weights = _class_weights(train)
    names = {name for name, p in network.named_parameters() if p.requires_grad}
    best: dict[str, float] = {}
    start, step, stale = 0, 0, 0
    checkpoint, best_file = workplace / "checkpoint.safetensors", workplace / "best.safetensors"
    if checkpoint.is_file():
        start, step, stale, best = _restore(network, optimizer, checkpoint)
        for _ in range(step):
            plan.step()
    for epoch in range(start, schedule.epochs):
        shuffler.seed(schedule.seed + epoch)
        network.train()
        for batch in _batches(tokens, schedule.batch_size, shuffler):
            with torch.autocast("cpu", torch.bfloat16, enabled=schedule.bf16):
                sentiment, topics = network(*padded([tokens[index] for index in batch]))
            loss = _loss(
                sentiment.float(),
                topics.float(),
                [train[index] for index in batch],
                weights,
                schedule.label_smoothing,
            )
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            plan.step()
            step += 1
            if step % 20 == 0:
                progress(Progress(epoch, step, steps, loss.item(), {}))
        figures = validate(network, tokenizer, valid, schedule.max_tokens)
        progress(Progress(epoch, step, steps, loss.item(), figures))
        if not best or figures["macro_f1"] > best["macro_f1"]:
            best, stale = figures, 0
            save_file(_selected(network, names), best_file)
        else:
            stale += 1
        _save(network, optimizer, checkpoint, names, (epoch + 1, step, stale), best)
        if stale >= schedule.patience:
            break
    network.load_state_dict(load_file(best_file), strict=False)
    network.eval()
    return best


@torch.inference_mode()
def logits(
    network: TwoHeadEncoder, tokenizer: Tokenizer, texts: Sequence[str], max_tokens: int
) -> tuple[Tensor, Tensor]:
    """Logits (n, 3) and (n, 17) of texts, in their order."""
    network.eval()
    examples = [Example(text, None, None, "") for text in texts]
    tokens = _tokenised(tokenizer, examples, max_tokens)
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    sentiment = torch.zeros(len(tokens), len(SENTIMENTS))
    topics = torch.zeros(len(tokens), len(TOPICS))
    for start in range(0, len(order), 128):
        rows = order[start : start + 128]
        sentiment[rows], topics[rows] = network(*padded([tokens[row] for row in rows]))
    return sentiment, topics


def validate(
    network: TwoHeadEncoder, tokenizer: Tokenizer, valid: Sequence[Example], max_tokens: int
) -> dict[str, float]:
    """Macro-F1 of each task and their mean."""
    sentiment, topics = logits(network, tokenizer, [example.text for example in valid], max_tokens)
    figures: dict[str, float] = {}
    rows = [index for index, example in enumerate(valid) if example.sentiment is not None]
    if rows:
        truth = [SENTIMENTS.index(valid[row].sentiment) for row in rows]
        found = sentiment[rows].argmax(-1).numpy()
        figures["sentiment_f1"] = float(f1_score(truth, found, average="macro"))
    rows = [index for index, example in enumerate(valid) if example.topics is not None]
    if rows:
        target = _topic_targets([valid[row] for row in rows]).numpy()
        found = (topics[rows] > 0).numpy()
        present = target.any(0) | found.any(0)
        figures["topics_f1"] = float(
            f1_score(target[:, present], found[:, present], average="macro", zero_division=0.0)
        )
    figures["macro_f1"] = float(np.mean(list(figures.values())))
    return figures


def _tokenised(
    tokenizer: Tokenizer, examples: Sequence[Example], max_tokens: int
) -> list[list[int]]:
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return [encoding.ids for encoding in tokenizer.encode_batch([item.text for item in examples])]


def _batches(
    tokens: Sequence[list[int]], size: int, shuffler: random.Random
) -> Iterator[list[int]]:
    """Shuffled batches of texts of like length: sorted within chunks of fifty batches."""
    order = list(range(len(tokens)))
    shuffler.shuffle(order)
    batches = []
    for start in range(0, len(order), size * 50):
        chunk = sorted(order[start : start + size * 50], key=lambda index: len(tokens[index]))
        batches += [chunk[first : first + size] for first in range(0, len(chunk), size)]
    shuffler.shuffle(batches)
    return iter(batches)


def _loss(
    sentiment: Tensor,
    topics: Tensor,
    examples: Sequence[Example],
    class_weights: Tensor,
    label_smoothing: float,
) -> Tensor:
    """Weighted cross-entropy on the rows with a sentiment, binary on those with topics."""
    importance = torch.tensor([example.weight for example in examples])
    total = torch.zeros(())
    rows = [index for index, example in enumerate(examples) if example.sentiment is not None]
    if rows:
        truth = torch.tensor([SENTIMENTS.index(examples[row].sentiment) for row in rows])
        each = functional.cross_entropy(
            sentiment[rows], truth, class_weights, reduction="none", label_smoothing=label_smoothing
        )
        total = total + (each * importance[rows]).sum() / len(examples)
    rows = [index for index, example in enumerate(examples) if example.topics is not None]
    if rows:
        chosen = [examples[row] for row in rows]
        target = _topic_targets(chosen)
        weight = torch.ones_like(target)
        for line, example in enumerate(chosen):
            if example.single_topic:
                weight[line] = target[line] + (1 - target[line]) * ABSENT_TOPIC_WEIGHT
        each = functional.binary_cross_entropy_with_logits(
            topics[rows], target, weight, reduction="none"
        ).sum(-1)
        total = total + (each * importance[rows]).sum() / len(examples)
    return total


def _topic_targets(examples: Sequence[Example]) -> Tensor:
    return torch.tensor(
        [[float(topic in (example.topics or ())) for topic in TOPICS] for example in examples]
    )


def _class_weights(examples: Sequence[Example]) -> Tensor:
    """Inverse square root of each class's share, mean one: rare classes count more, not fully."""
    counts = torch.tensor(
        [sum(example.sentiment == name for example in examples) for name in SENTIMENTS]
    ).clamp(min=1)
    weights = (counts.sum() / counts).sqrt()
    return weights / weights.mean()


def _factor(step: int, steps: int, warm_up: float) -> float:
    rising = max(1, int(steps * warm_up))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / (steps - rising + 1))


def _selected(network: TwoHeadEncoder, names: set[str]) -> dict[str, Tensor]:
    return {
        name: tensor.detach().clone().contiguous()
        for name, tensor in network.state_dict().items()
        if name in names
    }


def _save(
    network: TwoHeadEncoder,
    optimizer: torch.optim.Optimizer,
    checkpoint: Path,
    names: set[str],
    position: tuple[int, int, int],
    best: dict[str, float],
) -> None:
    """Weights and both moments of AdamW as tensors: a checkpoint needs no pickle."""
    tensors = {f"weight.{name}": tensor for name, tensor in _selected(network, names).items()}
    for index, state in optimizer.state_dict()["state"].items():
        for part, tensor in state.items():
            tensors[f"state.{index}.{part}"] = tensor.clone().contiguous()
    notes = {f"best.{name}": repr(value) for name, value in best.items()}
    notes["position"] = " ".join(str(number) for number in position)
    partial = checkpoint.with_suffix(".partial")
    save_file(tensors, partial, metadata=notes)
    partial.replace(checkpoint)


def _restore(
    network: TwoHeadEncoder, optimizer: torch.optim.Optimizer, checkpoint: Path
) -> tuple[int, int, int, dict[str, float]]:
    from safetensors import safe_open

    tensors = load_file(checkpoint)
    with safe_open(checkpoint, "pt") as file:
        notes = file.metadata()
    network.load_state_dict(
        {k.removeprefix("weight."): v for k, v in tensors.items() if k.startswith("weight.")},
        strict=False,
    )
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("state."):
            _, index, part = name.split(".")
            states.setdefault(int(index), {})[part] = tensor
    kept = optimizer.state_dict()
    optimizer.load_state_dict({"state": states, "param_groups": kept["param_groups"]})
    epoch, step, stale = (int(number) for number in notes["position"].split())
    best = {
        name.removeprefix("best."): float(value)
        for name, value in notes.items()
        if name.startswith("best.")
    }
    return epoch, step, stale, best
