"""The chaos suite in short, over one broker; `make chaos` is the long form."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.mutants import MUTANTS
from tests.chaos.outcome import Outcome, differences
from tests.chaos.run import run
from tests.chaos.schedule import draw
from tests.chaos.world import Servers, Stream, servers
from tests.paths import needs_shared
from tests.servers import ON_SMALL_BROKER

ARTICLES = 1_500
ARCHIVE = "press-2018-2019"
GAP_SECONDS = 3.0
KINDS = ("kill", "database restarted", "network cut", "duplicates", "out of order")

pytestmark = [
    needs_shared,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        ON_SMALL_BROKER or "KAFKA_BOOTSTRAP_SERVERS" in os.environ,
        reason="needs brokers of its own that it may kill",
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Servers, Path]]:
    folder = tmp_path_factory.mktemp("chaos")
    with servers(folder, 1) as found:
        yield found, folder


@pytest.fixture(scope="module")
def calm(place: tuple[Servers, Path]) -> Outcome:
    found, folder = place
    return run(found, Stream.of(ARTICLES, 0, [ARCHIVE]), folder / "calm", []).outcome


def test_faults_change_nothing(place: tuple[Servers, Path], calm: Outcome) -> None:
    found, folder = place
    assert len(calm.articles) > 0.95 * ARTICLES
    assert calm.alerts
    faults = draw(2026, 8, GAP_SECONDS, KINDS)
    stream = Stream.of(ARTICLES, faults[-1].at_seconds, [ARCHIVE])
    report = run(found, stream, folder / "faults", faults)
    assert differences(report.outcome, calm) == []
    assert report.struck.impossible == []
    assert report.unasked_ends == []
    assert report.bad_drains == []


def test_the_suite_sees_what_is_counted_twice(
    place: tuple[Servers, Path], calm: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, folder = place
    monkeypatch.setenv("CHAOS_MUTANT", "counted unconditionally")
    mutant = MUTANTS["counted unconditionally"]
    stream = Stream.of(ARTICLES, 0, [ARCHIVE])
    report = run(found, stream, folder / "mutant", mutant.faults, "tests.chaos.mutants")
    assert any(mutant.seen_as in said for said in differences(report.outcome, calm))
