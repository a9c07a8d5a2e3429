"""The training loop: all tasks at once, resumable to the step, the best weights kept."""

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn

from models.encoder import TwoHeadEncoder, padded
from models.training.adapters import Adapter
from models.training.checkpoints import Position, restore, save
from models.training.examples import Example, shown_text
from models.training.lessons import Lessons
from models.training.losses import class_weights, task_loss
from models.training.validation import validate

CHECKPOINT_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """How to train: AdamW, linear warm-up over the first tenth of the steps, then linear decay."""

    learning_rate: float
    epochs: int
    """None: the weights stay as they are."""
    batch_size: int
    """Texts a step; with `accumulate` they go through the network in that many parts."""
    max_tokens: int
    accumulate: int = 1
    weight_decay: float = 0.01
    head_factor: float = 5.0
    """The heads' learning rate is this many times the backbone's, at most 1e-3."""
    warm_up: float = 0.1
    patience: int = 3
    """Epochs without a better validation figure after which training stops."""
    label_smoothing: float = 0.05
    class_weight_power: float = 0.5
    """Classes weigh by their share to the minus this power: 0 all alike, 1 fully balanced."""
    seed: int = 20_26
    bf16: bool = False
    dropout: float | None = None
    """Share of activations that a step leaves out; None is as the encoder states it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of the run, for whoever shows it."""

    epoch: int
    step: int
    steps: int
    loss: float
    learning_rate: float
    valid: dict[str, float]
    """Figures at the end of an epoch, else empty."""
    ended: bool = False
    """Whether the step was the last of its epoch."""
    phase: str = "epoch"
    """What the epochs are called: the second training of a run has a name of its own."""
    trains: bool = True
    """Whether it is a step of a training; else a teacher is asked, and the steps are texts."""


def fit(
    network: TwoHeadEncoder,
    adapter: Adapter,
    tokenizer: Tokenizer,
    train: Sequence[Example],
    valid: Sequence[Example],
    schedule: Schedule,
    workplace: Path,
    progress: Callable[[Progress], None] = lambda step: None,
    lessons: Lessons | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Position:
    """Train in place; the network ends with the weights of the best epoch by validation macro-F1,
    or of the last where `valid` is empty.

    The state goes to `workplace` after each epoch and every few minutes; a run that finds one there
    goes on from it and ends with the same weights, since each step draws its own random numbers.
    With `lessons`, a teacher's answers to `train`, those are learned too. Returns where the run
    ended, with the best epoch and its validation figures.
    """
    if not schedule.epochs:
        return Position(best=validate(network, tokenizer, valid, schedule.max_tokens))
    if schedule.dropout is not None:
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = schedule.dropout
    device = next(network.parameters()).device
    tokens = tokenised(tokenizer, train, schedule.max_tokens)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = _optimizer(network, trained, schedule)
    steps = math.ceil(len(train) / schedule.batch_size) * schedule.epochs
    rates = [float(group["lr"]) for group in optimizer.param_groups]
    weights = class_weights(train, schedule.class_weight_power).to(device)
    names = {name for name, p in network.named_parameters() if p.requires_grad}
    checkpoint, best_file = workplace / "checkpoint.safetensors", workplace / "best.safetensors"
    position = Position()
    if checkpoint.is_file():
        position = restore(checkpoint, network, optimizer, adapter)
    saved = clock()
    while position.epoch < schedule.epochs and position.stale < schedule.patience:
        network.train()
        batches = _batches(tokens, schedule.batch_size, schedule.seed + position.epoch)
        for batch in batches[position.batch :]:
            torch.manual_seed(schedule.seed * 1_000_003 + position.step)
            factor = _factor(position.step, steps, schedule.warm_up)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            loss = 0.0
            for part in _parts(batch, schedule.accumulate):
                chosen = [train[index] for index in part]
                input_ids, mask = padded([tokens[index] for index in part])
                with torch.autocast(device.type, torch.bfloat16, enabled=schedule.bf16):
                    pooled = network.pooled(input_ids.to(device), mask.to(device))
                    sentiment, topics = network.answers(pooled)
                share = task_loss(
                    sentiment.float(),
                    topics.float(),
                    chosen,
                    network.topic_names,
                    weights,
                    schedule.label_smoothing,
                )
                if lessons is not None:
                    share = lessons.loss(
                        share, part, chosen, pooled.float(), sentiment.float(), topics.float()
                    )
                share = share * (len(part) / len(batch))
                (share + adapter.penalty() / schedule.accumulate).backward()
                loss += share.item()
            nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            adapter.after_step(position.step)
            optimizer.zero_grad()
            position = position.next_batch()
            if position.step % 10 == 0:
                progress(
                    Progress(position.epoch, position.step, steps, loss, rates[0] * factor, {})
                )
            if clock() - saved > CHECKPOINT_SECONDS:
                save(checkpoint, network, optimizer, adapter, names, position)
                saved = clock()
        figures = validate(network, tokenizer, valid, schedule.max_tokens) if valid else {}
        position = position.next_epoch(figures)
        if position.stale == 0:
            _keep(network, names, best_file)
        save(checkpoint, network, optimizer, adapter, names, position)
        saved = clock()
        progress(Progress(position.epoch, position.step, steps, loss, 0.0, figures, ended=True))
    network.load_state_dict(load_file(best_file), strict=False)
    network.eval()
    return position


def tokenised(
    tokenizer: Tokenizer, examples: Sequence[Example], max_tokens: int
) -> list[list[int]]:
    """Token ids of what the model is shown of each example."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    texts = [shown_text(example, max_tokens) for example in examples]
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]


def _optimizer(
    network: TwoHeadEncoder, trained: Sequence[nn.Parameter], schedule: Schedule
) -> torch.optim.Optimizer:
    heads = {id(p) for head in (network.sentiment, network.topics) for p in head.parameters()}
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if id(p) not in heads], "lr": schedule.learning_rate},
            {
                "params": [p for p in trained if id(p) in heads],
                "lr": min(schedule.learning_rate * schedule.head_factor, 1e-3),
            },
        ],
        weight_decay=schedule.weight_decay,
        fused=True,
    )


def _batches(tokens: Sequence[list[int]], size: int, seed: int) -> list[list[int]]:
    """Shuffled batches of texts of like length: sorted within chunks of fifty batches."""
    shuffler = random.Random(seed)  # noqa: S311 - an order of training texts, no secret
    order = list(range(len(tokens)))
    shuffler.shuffle(order)
    batches = []
    for start in range(0, len(order), size * 50):
        chunk = sorted(order[start : start + size * 50], key=lambda index: len(tokens[index]))
        batches += [chunk[first : first + size] for first in range(0, len(chunk), size)]
    shuffler.shuffle(batches)
    return batches


def _parts(batch: list[int], count: int) -> list[list[int]]:
    size = math.ceil(len(batch) / count)
    return [batch[start : start + size] for start in range(0, len(batch), size)]


def _factor(step: int, steps: int, warm_up: float) -> float:
    rising = max(1, int(steps * warm_up))
    return (step + 1) / rising if step < rising else max(0.0, (steps - step) / (steps - rising + 1))


def _keep(network: TwoHeadEncoder, names: set[str], path: Path) -> None:
    partial = path.with_suffix(".partial")
    state = network.state_dict()
    save_file({name: state[name].detach().clone().contiguous() for name in names}, partial)
    partial.replace(path)
