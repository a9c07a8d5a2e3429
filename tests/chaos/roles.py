"""The roles as processes that are started again whenever they end."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from monitor.settings import PREFIX
from tests.paths import ROOT

PROCESSES = {"ingest": 2, "score": 2, "aggregate": 2, "detect": 2, "notify": 2}
DRAIN_SECONDS = 30.0


class Roles:
    """All processes of an installation; `module` is what runs a role (`python -m module role`) with
    the packages that lie in `root`."""

    def __init__(
        self, config: Path, module: str, processes: Mapping[str, int], root: Path = ROOT
    ) -> None:
        self._config = config
        self._module = module
        self._clock = config.parent / "clock"
        self._clock.write_text("+0", encoding="ascii")
        self._lock = threading.Lock()
        self._ended = False
        self.drains_seconds: dict[str, float] = {}
        self.unasked_ends: list[str] = []
        self.bad_drains: list[str] = []
        self._told: dict[tuple[str, int], float] = {}
        self._roots = {
            (role, number): root for role, count in processes.items() for number in range(count)
        }
        self._running = {name: self._start(*name) for name in self._roots}
        self._watch = threading.Thread(target=self._start_again, name="supervisor", daemon=True)
        self._watch.start()

    def names(self, role: str) -> list[tuple[str, int]]:
        return [name for name in self._running if name[0] == role]

    def kill(self, name: tuple[str, int]) -> None:
        with self._lock:
            process = self._running[name]
            process.kill()
            process.wait()
            self._running[name] = self._start(*name)

    def stop_for(self, name: tuple[str, int], seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so long."""
        process = self._running[name]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def restart_in_turn(self, root: Path | None = None) -> None:
        """SIGTERM to one after the other; each is waited for and started again, if `root` is given
        with the packages that lie there."""
        for name in list(self._running):
            with self._lock:
                self._drain(name)
                self._roots[name] = root or self._roots[name]
                self._running[name] = self._start(*name)

    def set_clock(self, ahead_seconds: float) -> bool:
        """Let every process's clock be so far ahead; False where libfaketime is not here."""
        if _libfaketime() is None:
            return False
        self._clock.write_text(f"{ahead_seconds:+.0f}", encoding="ascii")
        return True

    def close(self) -> None:
        with self._lock:
            self._ended = True
            for process in self._running.values():
                process.send_signal(signal.SIGCONT)
            for name in self._running:
                self._tell(name)
            for name in self._running:
                self._drain(name)
        self._watch.join()

    def _tell(self, name: tuple[str, int]) -> float:
        """SIGTERM; when."""
        self._running[name].terminate()
        self._told[name] = time.monotonic()
        return self._told[name]

    def _drain(self, name: tuple[str, int]) -> None:
        process = self._running[name]
        told = self._told.get(name) or self._tell(name)
        del self._told[name]
        try:
            process.wait(max(0.0, told + DRAIN_SECONDS - time.monotonic()))
        except subprocess.TimeoutExpired:
            # Its log then tells where each thread stood.
            process.send_signal(signal.SIGABRT)
            process.wait()
        shown, taken = f"{name[0]}-{name[1]}", time.monotonic() - told
        # One that has hardly started holds nothing yet, and ends as any process does.
        if process.returncode not in (0, -signal.SIGTERM):
            self.bad_drains.append(f"{shown} ended with {process.returncode} in {taken:.1f} s")
        self.drains_seconds[shown] = max(self.drains_seconds.get(shown, 0.0), taken)

    def _start(self, role: str, number: int) -> subprocess.Popen[bytes]:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(PREFIX)
        }
        environment |= {"OMP_NUM_THREADS": "1", "UNDERTONE_MODELS__BACKEND": "torch"}
        environment |= {"PYTHONFAULTHANDLER": "1"}
        if library := _libfaketime():
            environment |= {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        command = [sys.executable, "-m", self._module, role, "--config", str(self._config)]
        with (self._config.parent / f"{role}-{number}.log").open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=self._roots[role, number],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _start_again(self) -> None:
        """What ends of itself is started again, as a supervisor would, and noted."""
        while not self._ended:
            time.sleep(0.5)
            with self._lock:
                for name, process in self._running.items():
                    if not self._ended and process.poll() is not None:
                        self.unasked_ends.append(f"{name[0]}-{name[1]} ({process.returncode})")
                        self._running[name] = self._start(*name)


@contextlib.contextmanager
def running(
    config: Path, module: str, processes: Mapping[str, int] = PROCESSES, root: Path = ROOT
) -> Iterator[Roles]:
    roles = Roles(config, module, processes, root)
    try:
        yield roles
    finally:
        roles.close()


def _libfaketime() -> Path | None:
    spec = importlib.util.find_spec("libfaketime")
    places: Sequence[str] = (spec.submodule_search_locations or ()) if spec else ()
    for place in places:
        for library in Path(place).glob("vendor/libfaketime/src/libfaketime.so.1"):
            return library
    return None
