"""A training that was interrupted goes on, and ends where it would have."""

import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.manifest import ModelError, read_manifest
from models.training.fit import Progress
from models.training.plan import BornAgain, TrainingPlan
from models.training.run import train, workplace_of
from tests.unit.models.tiny_plan import QUICK, best_epoch, tiny_plan


@pytest.fixture
def plan(tmp_path: Path) -> TrainingPlan:
    return tiny_plan(tmp_path)


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


def test_a_run_resumes_within_an_epoch(tmp_path: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from dataclasses import replace
import models.training.fit as fit
from models.training.run import train
from tests.unit.models.tiny_plan import EXAMPLES, tiny_plan
fit.CHECKPOINT_SECONDS = -1.0
many = frozenset(["banks", "legal", "credit", "deals"])  # in another order in each process
texts = [replace(example, topics=many) for example in EXAMPLES]
plan = replace(tiny_plan(Path({str(tmp_path)!r})), train=texts[8:] * 10)
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


def test_a_killed_refit_ends_with_the_same_weights(tmp_path: Path, plan: TrainingPlan) -> None:
    chosen = replace(plan, method="lora", refit=True)
    steps: list[Progress] = []
    whole = train(chosen, tmp_path / "whole", steps.append)
    refitted = [step for step in steps if step.phase == "refit epoch"]
    assert refitted and [step.step for step in steps] == sorted(step.step for step in steps)
    assert refitted[-1].step == refitted[-1].steps
    assert refitted[-1].epoch == best_epoch(steps)
    interrupted = tmp_path / "interrupted"
    for step in (11, refitted[0].step, refitted[-1].step):
        with pytest.raises(KeyboardInterrupt):
            train(chosen, interrupted, _interrupt_after(step))
    again = train(chosen, interrupted)
    assert again.metrics == whole.metrics
    assert again.files == whole.files


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


def test_another_plan_does_not_go_on_from_the_checkpoint(
    tmp_path: Path, plan: TrainingPlan
) -> None:
    output = tmp_path / "model"
    with pytest.raises(KeyboardInterrupt):
        train(plan, output, _interrupt_after(11))
    changed = replace(plan, schedule=replace(QUICK, seed=7))
    alone = train(changed, tmp_path / "alone")
    assert train(changed, output).files == alone.files


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


def _interrupt_after(step: int, phase: str = "epoch") -> Callable[[Progress], None]:
    def listen(progress: Progress) -> None:
        if progress.trains and progress.step >= step and progress.phase.endswith(phase):
            raise KeyboardInterrupt

    return listen
