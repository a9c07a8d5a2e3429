"""One disturbed run: the faults of a schedule, one after the other, and then calm."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monitor.failures import Unavailable
from tests.chaos.faults import strike
from tests.chaos.outcome import Outcome, outcome
from tests.chaos.roles import Roles, running
from tests.chaos.schedule import Fault
from tests.chaos.world import Servers, Stream, World, world
from tests.paths import ROOT

MODULE = "monitor"
CALM_SECONDS = 240.0
"""So long a run may take from its last fault to its end, beside what its articles need."""
LOOK_SECONDS = 0.25


class NotFinished(AssertionError):
    """The run did not come to its end: something is lost, or stands still."""


@dataclass
class Struck:
    """What the faults did."""

    ended: list[tuple[str, float]] = field(default_factory=list)
    """Each fault with the time of its end, by a monotonic clock."""
    impossible: list[str] = field(default_factory=list)
    """Kinds that this machine cannot have, one for each time."""


@dataclass(frozen=True)
class Report:
    """What was done, and what came of it."""

    outcome: Outcome
    struck: Struck
    seconds: float
    recoveries_seconds: Sequence[tuple[str, float]]
    """By fault: from its end until more articles were stored; none for those after the last."""
    drains_seconds: Mapping[str, float]
    """By process, the longest that one took to end after SIGTERM."""
    unasked_ends: Sequence[str]
    bad_drains: Sequence[str]
    """Processes that did not end in time after SIGTERM, or not with 0."""


def run(
    servers: Servers,
    stream: Stream,
    folder: Path,
    faults: Sequence[Fault],
    module: str = MODULE,
    say: Callable[[str], None] = lambda _: None,
    made_by: Path = ROOT,
) -> Report:
    """Raises NotFinished. The outcome is that of all articles of the stream."""
    with world(servers, stream, folder, made_by) as place:
        started = time.monotonic()
        with running(place.config, module) as roles, watched(place) as progress:
            struck = _strike(place, roles, faults, say)
            if not place.wait(CALM_SECONDS + stream.seconds + len(stream.articles) / 100):
                raise NotFinished(
                    f"{_stored(place)} of {len(stream.articles)} articles are stored; "
                    f"{place.unfinished()}"
                )
            seconds = time.monotonic() - started
        found = outcome(place)
        recoveries = [
            (kind, taken)
            for kind, at in struck.ended
            if (taken := recovery_seconds(progress, at)) is not None
        ]
        return Report(
            found,
            struck,
            seconds,
            recoveries,
            roles.drains_seconds,
            roles.unasked_ends,
            roles.bad_drains,
        )


def _strike(
    place: World, roles: Roles, faults: Sequence[Fault], say: Callable[[str], None]
) -> Struck:
    """The first fault's time begins with the first article that is stored."""
    struck = Struck()
    deadline = time.monotonic() + CALM_SECONDS
    while faults and not _stored(place):
        if time.monotonic() > deadline:
            raise NotFinished("no article was stored")
        time.sleep(LOOK_SECONDS)
    begun = time.monotonic()
    for number, fault in enumerate(faults, 1):
        time.sleep(max(0.0, begun + fault.at_seconds - time.monotonic()))
        before = _stored(place)
        say(f"{number}/{len(faults)} {fault}; {before} articles stored")
        if not strike(place, roles, fault):
            struck.impossible.append(fault.kind)
        else:
            struck.ended.append((fault.kind, time.monotonic()))
    return struck


def recovery_seconds(progress: Sequence[tuple[float, int]], ended: float) -> float | None:
    """From `ended` until more articles were stored than by then; None where none were any more."""
    before = max((count for at, count in progress if at <= ended), default=0)
    after = (at - ended for at, count in progress if at > ended and count > before)
    return next(after, None)


@contextlib.contextmanager
def watched(place: World) -> Iterator[list[tuple[float, int]]]:
    """How many articles are stored, over time, for as long as the database answers."""
    progress: list[tuple[float, int]] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            if (count := _stored(place)) is not None:
                progress.append((time.monotonic(), count))

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    try:
        yield progress
    finally:
        done.set()
        thread.join()


def _stored(place: World) -> int | None:
    try:
        return place.stored()
    except Unavailable:
        return None
