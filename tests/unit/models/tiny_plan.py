"""A training on very little."""

from pathlib import Path

from models.training.examples import Example
from models.training.fit import Progress, Schedule
from models.training.plan import TrainingPlan
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


def tiny_plan(folder: Path) -> TrainingPlan:
    return TrainingPlan(
        name="tiny",
        languages=("en",),
        start=tiny_base(folder / "base"),
        method="full",
        rank=4,
        schedule=QUICK,
        train=EXAMPLES[8:],
        valid=EXAMPLES[:8],
        sources=(),
        command="test",
    )


def best_epoch(steps: list[Progress]) -> int:
    figures = [step.valid["macro_f1"] for step in steps if step.valid]
    return figures.index(max(figures)) + 1
