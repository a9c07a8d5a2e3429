"""Roles as the daemon runs them, for the time of a measurement."""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from monitor.daemon import DRAIN_SECONDS, role_command
from monitor.failures import DataError
from monitor.settings import PREFIX

PROC = Path("/proc")


class RoleProcesses:
    """Processes by role."""

    def __init__(self, processes: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
        self._processes = processes
        self._folder = folder

    def check(self) -> None:
        """Raise DataError, with what it said last, if a role has ended."""
        for role, process in self._processes.items():
            if process.poll() is not None:
                said = _log(self._folder, role).read_text("utf-8", "replace").strip().splitlines()
                raise DataError(f"role {role} ended: {said[-1] if said else 'without a word'}")

    def cpu_seconds(self) -> dict[str, float]:
        """Processor time that each has used; nothing where the system does not tell."""
        try:
            return {
                role: cpu_seconds((PROC / str(process.pid) / "stat").read_text())
                for role, process in self._processes.items()
            }
        except OSError:
            return {}


def cpu_seconds(stat: str) -> float:
    """Processor time of a process in user and system mode, from Linux's `/proc/PID/stat`."""
    # Its second field is a name in brackets, which may hold spaces.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(roles: Sequence[str], config: Path) -> Iterator[RoleProcesses]:
    """Processes of the roles with a configuration; they are drained in the end, or killed."""
    folder = config.parent
    metrics = folder / "metrics"
    metrics.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    command = role_command(config, {})
    with contextlib.ExitStack() as left:
        processes: dict[str, subprocess.Popen[bytes]] = {}
        for role in roles:
            log = left.enter_context(_log(folder, role).open("wb"))
            processes[role] = subprocess.Popen(
                command(role), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            left.callback(_end, processes[role])
        yield RoleProcesses(processes, folder)


def _log(folder: Path, role: str) -> Path:
    return folder / f"{role}.log"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
