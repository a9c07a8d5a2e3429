"""Runs the roles as processes: starts, watches, restarts, and drains them on SIGTERM."""

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitor.failures import UsageError

LOG = logging.getLogger(__name__)
DRAIN_SECONDS = 25.0
HEALTHY_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 30.0
EXIT_USAGE = 2
EXIT_TOO_MANY_INVALID = 3


@dataclass(slots=True)
class _Child:
    """A role's process, and how its restarts have gone."""

    role: str
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = field(default=0.0)
    gave_up: bool = False


class Supervisor:
    """Keeps one process a role alive. `command` gives the command line of a role."""

    def __init__(
        self, roles: Sequence[str], command: Callable[[str], Sequence[str]], data_dir: Path
    ) -> None:
        self._children = [_Child(role) for role in roles]
        self._command = command
        self._metrics = data_dir / "metrics"
        self._stopping = False

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; the exit code. A role that finds its configuration wrong
        ends the whole; one that crashes is restarted, after growing pauses. One that finds too
        much invalid stays down while the others go on, so that no news is missed meanwhile."""
        shutil.rmtree(self._metrics, ignore_errors=True)
        self._metrics.mkdir(parents=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        code = 0
        try:
            while not self._stopping:
                for child in self._children:
                    ended = self._watch(child)
                    if ended == EXIT_USAGE:
                        code, self._stopping = EXIT_USAGE, True
                    elif ended == EXIT_TOO_MANY_INVALID:
                        code = EXIT_TOO_MANY_INVALID
                time.sleep(0.1)
        finally:
            self._drain()
        return code

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _watch(self, child: _Child) -> int | None:
        """Start or restart a child where it is due; the exit code of one that has just ended."""
        now = time.monotonic()
        if child.gave_up:
            return None
        if child.process is None:
            if now >= child.restart_at:
                environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(self._metrics)}
                child.process = subprocess.Popen(
                    self._command(child.role), env=environment, stdin=subprocess.DEVNULL
                )
                child.started = now
            return None
        code = child.process.poll()
        if code is None:
            return None
        child.process = None
        child.failures = 0 if now - child.started > HEALTHY_SECONDS else child.failures + 1
        pause = 0.0 if child.failures <= 1 else min(LONGEST_PAUSE_SECONDS, 2.0**child.failures / 4)
        child.restart_at = now + pause
        if code == EXIT_TOO_MANY_INVALID:
            child.gave_up = True
            LOG.error(
                "role %s stays down: too many records are invalid (see above); "
                "restart undertone once that is mended",
                child.role,
            )
        elif code != EXIT_USAGE:
            LOG.warning("role %s ended with %d; restarting in %.1f s", child.role, code, pause)
        return code

    def _drain(self) -> None:
        """Ask all roles to finish what they hold; kill what has not within the time."""
        deadline = time.monotonic() + DRAIN_SECONDS
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                LOG.error("process %d did not drain in time and was killed", process.pid)
                process.kill()
                process.wait()


def role_command(config: Path | None, flags: Mapping[str, str]) -> Callable[[str], list[str]]:
    """Command lines of the roles, with the configuration that this process was given."""

    def command(role: str) -> list[str]:
        line = [sys.executable, "-m", "monitor", role]
        if config is not None:
            line += ["--config", str(config)]
        for name, value in flags.items():
            line += [name, value]
        return line

    return command


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory: two daemons on one would poll and alert twice.

    Raises UsageError when another process holds it.
    """
    path = data_dir / "run.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise UsageError(
                f"undertone already runs on {data_dir} (process {lock.read().strip() or '?'}); "
                f"stop it, or choose another directory with --data-dir"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_port(host: str, port: int, setting: str = "--port or web.port") -> None:
    """Raise UsageError where a port cannot be had, naming the setting that would mend it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"port {port} on {host} cannot be used: {error.strerror}; "
                f"choose another with {setting}"
            ) from None
