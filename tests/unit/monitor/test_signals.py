"""A role ends whatever a signal interrupts, the setting of its own event too."""

import subprocess
import sys

import pytest

LOCKED = """
import signal, sys
from monitor.cli.roles import stopped_by_signals
stop = stopped_by_signals(None)
with stop._cond:
    signal.raise_signal(int(sys.argv[1]))
    signal.raise_signal(int(sys.argv[1]))
assert stop.wait(10)
"""
ORPHANED = """
from monitor.cli.roles import stopped_by_signals
assert stopped_by_signals(1_999_999_999).wait(10)
"""


def run(program: str, *arguments: str) -> None:
    # A process of its own: the signals are real.
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, timeout=30)


@pytest.mark.parametrize("number", ["15", "2"])
def test_a_signal_may_come_while_the_event_is_locked(number: str) -> None:
    run(LOCKED, number)


def test_it_stops_once_the_parent_is_gone() -> None:
    run(ORPHANED)
