"""Which way to run a network on this machine: measured at its first start, kept in a cache."""

import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from models.backends.protocol import Logits
from models.manifest import file_sha256

LEAST_AGREEMENT = 0.995
"""Share of labels that must be those of torch in single precision."""
ROUNDS = 2


class Measured(msgspec.Struct, frozen=True):
    """How a way to run the network did on the probe texts."""

    texts_per_second: float
    agreement: float


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
            + ("" if found.agreement >= LEAST_AGREEMENT else f", {found.agreement:.1%} alike")
            for name, found in self.measured.items()
        ]
        return f"{self.best}, measured: {'; '.join(told)}"


def fastest(measured: Mapping[str, Measured]) -> str:
    """The fastest of those whose labels agree with the first one's."""
    agreeing = {
        name: found.texts_per_second
        for number, (name, found) in enumerate(measured.items())
        if number == 0 or found.agreement >= LEAST_AGREEMENT
    }
    return max(agreeing, key=lambda name: agreeing[name])


def measure(
    ways: Mapping[str, Callable[[], Logits]],
    alike: Callable[[Logits, Logits], float],
    texts: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Measured]:
    """Run each way on the same `texts` texts in turn, `ROUNDS` times; the best time counts, so that
    what is done once at the first run does not.

    `alike` says which share of the labels of two answers is the same; the first way is what the
    others are compared with.
    """
    seconds = dict.fromkeys(ways, float("inf"))
    answers: dict[str, Logits] = {}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            started = clock()
            answers[name] = run()
            seconds[name] = min(seconds[name], clock() - started)
    first = next(iter(answers.values()))
    return {
        name: Measured(texts / max(seconds[name], 1e-9), alike(first, answers[name]))
        for name in ways
    }


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
