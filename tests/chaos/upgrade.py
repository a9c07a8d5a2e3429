"""An upgrade under load: roles of an earlier commit replaced one by one by this tree's.

    python -m tests.chaos.upgrade [COMMIT]      # the commit before this one, if none is named
    make upgrade FROM=COMMIT

The earlier version makes the database and the topics, trains the models, and takes in, scores and
counts. While it does, each of its processes in turn is told to end, and one of this tree takes its
place: the first of them migrates the store under the others. The outcome must be that of this tree
alone; of an alert the earlier version may have told where this one would not. CHAOS_ARTICLES and
CHAOS_SECONDS say how many articles come in how long.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from tests.chaos.outcome import Outcome, Rows, differences, outcome, summary
from tests.chaos.roles import running
from tests.chaos.run import CALM_SECONDS, MODULE, run
from tests.chaos.world import Servers, Stream, World, servers, world
from tests.paths import ROOT, SHARED

BROKERS = 3
SETTLED_SHARE = 0.1
"""The upgrade begins once so much of the stream is stored."""
IDENTITY = ("id", "rule", "dimension", "key", "started", "state")
"""What two versions must say alike of an alert; they may tell more or less of its grounds."""


def main(arguments: Sequence[str]) -> int:
    if SHARED is None:
        _say("this needs Kafka and archives of news: set UNDERTONE_SHARED to their folder")
        return 2
    commit = arguments[0] if arguments else "HEAD~1"
    articles = int(os.environ.get("CHAOS_ARTICLES", "20000"))
    seconds = float(os.environ.get("CHAOS_SECONDS", "240"))
    with tempfile.TemporaryDirectory(prefix="undertone-chaos-") as name:
        folder = Path(name)
        earlier = _tree_of(commit, folder / "earlier")
        with servers(folder, BROKERS, earlier) as found:
            calm = run(found, Stream.of(articles, 0), folder / "calm", [], made_by=earlier).outcome
            _say(f"undisturbed: {json.dumps(summary(calm))}")
            problems = _upgraded(found, Stream.of(articles, seconds), folder, earlier, calm)
    for problem in problems:
        _say(f"differs: {problem}")
    _say(f"upgrade from {commit}: " + ("the runs differ" if problems else "the runs are equal"))
    return 1 if problems else 0


def _upgraded(
    found: Servers, stream: Stream, folder: Path, earlier: Path, calm: Outcome
) -> list[str]:
    with world(found, stream, folder / "upgraded", earlier) as place:
        with running(place.config, MODULE, root=earlier) as roles:
            _wait_for_load(place)
            before = place.stored()
            begun = time.monotonic()
            roles.restart_in_turn(ROOT)
            _say(
                f"all replaced in {time.monotonic() - begun:.0f} s,"
                f" {place.stored() - before} articles were stored meanwhile, {before} before"
            )
            finished = place.wait(CALM_SECONDS + stream.seconds)
        result = outcome(place)
        _say(f"upgraded: {json.dumps(summary(result))}")
        _say(f"longest from SIGTERM to the end: {max(roles.drains_seconds.values()):.1f} s")
        more = result.notifications.keys() - calm.notifications.keys()
        if more:
            _say(f"told by the earlier version, not by this one alone: {len(more)} notifications")
        told = {key: row for key, row in result.notifications.items() if key not in more}
        known = replace(result, notifications=told)
        return [
            *([] if finished else ["the run did not come to its end"]),
            *differences(_identities(known), _identities(calm)),
            *(f"a notification of no alert: {name}" for name in _of_no_alert(more, result)),
            *(f"a role ended by itself: {end}" for end in roles.unasked_ends),
            *(f"after SIGTERM: {end}" for end in roles.bad_drains),
        ]


def _wait_for_load(place: World) -> None:
    deadline = time.monotonic() + CALM_SECONDS
    while place.stored() < SETTLED_SHARE * len(place.stream.articles):
        assert time.monotonic() < deadline, "the earlier version stores nothing"
        time.sleep(0.5)


def _identities(found: Outcome) -> Outcome:
    """Without what two versions may say in words of their own."""
    alerts = {key: {name: row[name] for name in IDENTITY} for key, row in found.alerts.items()}
    articles: Rows = {key: {} for key in found.articles}
    notifications: Rows = {key: {} for key in found.notifications}
    return replace(found, alerts=alerts, articles=articles, notifications=notifications)


def _of_no_alert(notifications: Collection[str], found: Outcome) -> list[str]:
    return sorted(name for name in notifications if name.partition(":")[0] not in found.alerts)


def _tree_of(commit: str, folder: Path) -> Path:
    """The packages of a commit, unpacked."""
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=ROOT, check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
