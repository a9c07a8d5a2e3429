"""A role ends whatever a signal interrupts, the setting of its own event too."""

import signal
from collections.abc import Iterator

import pytest

from monitor.cli.roles import stopped_by_signals


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_may_come_while_the_event_is_locked(number: signal.Signals) -> None:
    stop = stopped_by_signals(None)
    with stop._cond:  # type: ignore[attr-defined]
        signal.raise_signal(number)
        signal.raise_signal(number)
    assert stop.wait(10)


def test_it_stops_once_the_parent_is_gone() -> None:
    no_parent_of_ours = 1_999_999_999
    assert stopped_by_signals(no_parent_of_ours).wait(10)
