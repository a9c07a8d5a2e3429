"""Looking for a better learning rate, rank and number of passes with Optuna."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.manifest import Manifest, ModelError, read_manifest
from models.training.fit import Progress
from models.training.plan import TrainingPlan
from models.training.run import train


def search(
    plan: TrainingPlan,
    trials: int,
    output: Path,
    progress: Callable[[Progress], None] = lambda step: None,
    told: Callable[[int, dict[str, float], float], None] = lambda number, settings, figure: None,
) -> Manifest:
    """Train `trials` times with settings that Optuna proposes (TPE, Bergstra et al. 2011); the
    best by validation macro-F1 becomes `output`; with `refit` or `born_again` the plan is trained
    as a whole with its settings.

    The first trial is the plan as it is. What was tried is kept in a journal beside the output, so
    that an interrupted search goes on. `told` hears each trial's number, settings and macro-F1.
    Raises ModelError.
    """
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if plan.method == "linear":
        raise ModelError("--search tunes encoders; the linear model tunes its strength by itself")
    if output.exists() and any(output.iterdir()):
        raise ModelError(f"{output}: in use; name a new directory")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder = output.with_name(output.name + ".search")
    folder.mkdir(parents=True, exist_ok=True)
    best = folder / "best"
    storage = JournalStorage(JournalFileBackend(str(folder / "trials.log")))
    study = optuna.create_study(
        study_name=plan.digest()[:16],
        storage=storage,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=plan.schedule.seed),
    )
    if not study.trials:
        study.enqueue_trial(_settings(plan))

    def objective(trial: "optuna.Trial") -> float:
        _propose(plan, trial)
        chosen = replace(_chosen(plan, trial.params), refit=False, born_again=None)
        place = folder / f"trial-{trial.number}"
        shutil.rmtree(place, ignore_errors=True)
        manifest = train(chosen, place, progress)
        figure = manifest.metrics["valid"]["macro_f1"]
        told(trial.number, trial.params, figure)
        earlier = [item.value for item in study.trials if item.value is not None]
        if figure >= max(earlier, default=0.0):
            shutil.rmtree(best, ignore_errors=True)
            place.rename(best)
        else:
            shutil.rmtree(place)
        return figure

    done = sum(item.state.is_finished() for item in study.trials)
    if done < trials:
        study.optimize(objective, n_trials=trials - done)
    if plan.refit or plan.born_again:
        manifest = train(_chosen(plan, study.best_params), output, progress)
        shutil.rmtree(folder)
        return manifest
    if output.is_dir():
        output.rmdir()
    best.rename(output)
    shutil.rmtree(folder)
    return read_manifest(output)


def _settings(plan: TrainingPlan) -> dict[str, float]:
    found: dict[str, float] = {
        "learning_rate": plan.schedule.learning_rate,
        "epochs": plan.schedule.epochs,
    }
    if plan.method != "full":
        found["rank"] = plan.rank
    return found


def _propose(plan: TrainingPlan, trial: "optuna.Trial") -> None:  # type: ignore[name-defined]  # noqa: F821
    rate = plan.schedule.learning_rate
    trial.suggest_float("learning_rate", rate / 5, rate * 5, log=True)
    trial.suggest_int("epochs", 1, max(2, 2 * plan.schedule.epochs))
    if plan.method != "full":
        trial.suggest_int("rank", 4, 64, log=True)


def _chosen(plan: TrainingPlan, settings: Mapping[str, Any]) -> TrainingPlan:
    rate, epochs = settings["learning_rate"], settings["epochs"]
    schedule = replace(plan.schedule, learning_rate=rate, epochs=epochs)
    return replace(plan, schedule=schedule, rank=settings.get("rank", plan.rank))
