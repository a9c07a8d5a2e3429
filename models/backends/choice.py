"""Which way to run a network on this machine: measured at its first start, kept in a cache."""

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from models.backends.protocol import Backend, Logits
from models.manifest import file_sha256

LEAST_AGREEMENT = 0.995
"""Share of labels that must be those of torch in single precision."""
STEADY = 1e-4
"""By so much the logits of a text alone and among others may differ."""
ROUNDS, ALONE_TEXTS = 2, 16


class Measured(msgspec.Struct, frozen=True):
    """How a way to run the network did on the probe texts."""

    texts_per_second: float
    agreement: float
    problem: str = ""
    """Why it is not to be taken, if so."""


class Choice(msgspec.Struct, frozen=True):
    """What was measured, of which model on which machine."""

    machine: str
    model: str
    measured: dict[str, Measured]
    exported: dict[str, str]
    """SHA-256 of the exported files, by name."""

    @property
    def best(self) -> str:
        return fastest(self.measured)

    @property
    def reason(self) -> str:
        """For people: the choice and what it was chosen from."""
        told = [
            f"{name} {found.texts_per_second:.0f} texts/s"
            + (f" ({found.problem})" if found.problem else "")
            for name, found in self.measured.items()
        ]
        return f"{self.best}, measured: {'; '.join(told)}"


def fastest(measured: Mapping[str, Measured]) -> str:
    """The fastest of those that have no problem; the first is taken before none."""
    sound = {name: found.texts_per_second for name, found in measured.items() if not found.problem}
    return max(sound, key=lambda name: sound[name]) if sound else next(iter(measured))


def measure(
    ways: Mapping[str, Callable[[], Backend]],
    tokens: Sequence[list[int]],
    alike: Callable[[Logits, Logits], float],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Measured]:
    """Open each way and run it on the tokens in turn, `ROUNDS` times; the best time counts, so that
    what is done once at the first run does not.

    `alike` says which share of the labels of two answers is the same; the first way is what the
    others are compared with.
    """
    found: dict[str, Measured] = {}
    backends: dict[str, Backend] = {}
    for name, opened in ways.items():
        try:
            backends[name] = opened()
            backends[name].logits(tokens[:1])
        except RuntimeError as error:
            backends.pop(name, None)
            found[name] = Measured(0.0, 0.0, f"cannot run: {str(error).strip().splitlines()[-1]}")
    seconds = dict.fromkeys(backends, float("inf"))
    answers: dict[str, Logits] = {}
    for _ in range(ROUNDS):
        for name, backend in backends.items():
            started = clock()
            answers[name] = backend.logits(tokens)
            seconds[name] = min(seconds[name], clock() - started)
    first = next(iter(answers.values()))
    for name, backend in backends.items():
        problem = ""
        for number, ids in enumerate(tokens[:ALONE_TEXTS]):
            if np.abs(backend.logits([ids])[0] - answers[name][0][number]).max() > STEADY:
                problem = "a score would hang on the texts beside it"
        agreement = alike(first, answers[name])
        if agreement < LEAST_AGREEMENT:
            problem = f"only {agreement:.1%} of its labels are torch's"
        found[name] = Measured(len(tokens) / max(seconds[name], 1e-9), agreement, problem)
    return {name: found[name] for name in ways}


def this_machine(threads: int, versions: str) -> str:
    """What a measurement hangs on, as one line."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8").splitlines()
        wanted = ("model name", "flags", "Features")
        name = "; ".join(line for key in wanted for line in lines if line.startswith(key))[:4000]
    return f"{name}; {threads} threads; {versions}"


def read_choice(folder: Path, machine: str, model: str) -> Choice | None:
    """What was measured of a model on this machine; None where nothing was, or its files are not
    what was written then."""
    try:
        found = msgspec.json.decode((folder / "choice.json").read_bytes(), type=Choice)
        sound = (found.machine, found.model) == (machine, model) and all(
            file_sha256(folder / name) == digest for name, digest in found.exported.items()
        )
    except (OSError, msgspec.DecodeError):
        return None
    return found if sound else None


def write_choice(folder: Path, choice: Choice) -> None:
    """Keep what was measured, for the next start."""
    partial = folder / "choice.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(choice), indent=1))
    partial.replace(folder / "choice.json")
