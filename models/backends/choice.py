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
    """Open each way and run it on the tokens `ROUNDS` times; the best time counts, so that what is
    done once at the first run does not. One at a time is open: together they would take more memory
    than scoring does.

    `alike` says which share of the labels of two answers is the same; the first way is what the
    others are compared with.
    """
    found: dict[str, Measured] = {}
    first: Logits | None = None
    for name, opened in ways.items():
        tried = _tried(opened, tokens, clock)
        if isinstance(tried, str):
            found[name] = Measured(0.0, 0.0, tried)
            continue
        seconds, answer, problem = tried
        first = answer if first is None else first
        agreement = alike(first, answer)
        if agreement < LEAST_AGREEMENT:
            problem = f"only {agreement:.1%} of its labels are torch's"
        found[name] = Measured(len(tokens) / max(seconds, 1e-9), agreement, problem)
    return found


def _tried(
    opened: Callable[[], Backend], tokens: Sequence[list[int]], clock: Callable[[], float]
) -> tuple[float, Logits, str] | str:
    """The best time, the answer and what is amiss with it; or why it cannot run at all. What was
    opened ends with this call."""
    try:
        backend = opened()
        backend.logits(tokens[:1])
    except RuntimeError as error:
        return f"cannot run: {str(error).strip().splitlines()[-1]}"
    seconds = float("inf")
    for _ in range(ROUNDS):
        started = clock()
        answer = backend.logits(tokens)
        seconds = min(seconds, clock() - started)
    steady = _steady(backend, tokens[:ALONE_TEXTS], answer)
    return seconds, answer, "" if steady else "a score would hang on the texts beside it"


def _steady(backend: Backend, tokens: Sequence[list[int]], among: Logits) -> bool:
    """Whether the logits of each text alone are those that it had among others."""
    return all(
        np.abs(backend.logits([ids])[0] - among[0][number]).max() <= STEADY
        for number, ids in enumerate(tokens)
    )


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
