"""What a person sees of a training run: a bar with time left, and figures after each pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from models.training.fit import Progress as Step


class TrainingBar:
    """A bar over the steps of a run; use it as a context."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.fields[phase]} {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f}%  loss {task.fields[loss]:.3f}"),
            TimeRemainingColumn(),
        )
        self._task = self._bar.add_task("train", total=None, phase="epoch", epoch=1, loss=0.0)

    def __enter__(self) -> TrainingBar:
        self._bar.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self._bar.console.print(text)

    def show(self, step: Step) -> None:
        """A step was done."""
        self._bar.update(
            self._task,
            total=step.steps,
            completed=step.step,
            phase=step.phase,
            epoch=step.epoch + (not step.ended),
            loss=step.loss,
        )
        if step.valid:
            figures = ", ".join(f"{name} {value:.4f}" for name, value in step.valid.items())
            self.say(f"{step.phase} {step.epoch}: {figures}")

    def trial(self, number: int, settings: dict[str, Any], figure: float) -> None:
        """A trial of a search was done."""
        told = ", ".join(f"{name} {value:.3g}" for name, value in settings.items())
        self.say(f"trial {number + 1}: macro-F1 {figure:.4f} with {told}")
