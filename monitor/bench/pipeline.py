"""End to end: articles onto the bus, scored and counted by the roles, until all are tallied."""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, select

from ingest.article import Article
from models.backends.devices import pick_device
from models.backends.options import TORCH
from monitor.bench.articles import made_articles
from monitor.bench.machine import machine_facts, usable_cores
from monitor.bench.places import fresh_settings
from monitor.bench.role_processes import RoleProcesses, running
from monitor.bench.rounds import ROUNDS, fitting, in_turns, median_rate, median_ratio
from monitor.bench.ways import open_scorer, score_all
from monitor.bus import Bus
from monitor.bus.opening import open_bus
from monitor.events import ARTICLES
from monitor.failures import DataError
from monitor.store.engine import open_store, reading
from monitor.store.schema import tallies
from monitor.workers.ingest import ArticleOutlet

PROBE_ARTICLES = 64
MAX_ARTICLES_A_ROUND = 20_000
LOOK_SECONDS = 0.05
SEND_TOGETHER = 500
PATIENCE_SECONDS = 120.0
"""So long the roles may take to start, and later to count any article more."""
STAGES = ("score", "aggregate")


@dataclass(frozen=True, slots=True)
class PipelineFigures:
    """What was measured end to end."""

    articles_per_second: float
    texts_per_second: float
    """Bare scoring of the same texts, after each round."""
    ratio_bare: float
    """Articles a second by texts a second of bare scoring, the median of the rounds."""
    cpu_share: Mapping[str, float]
    """By stage, its processor time by what all cores had; `feed` puts the articles on the bus."""
    articles: int
    """All that were counted."""
    bus: str
    store: str
    model: str
    machine: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """What is measured, and where."""

    spec: str
    language: str
    texts: Sequence[str]
    device: str
    seconds: float
    articles: int | None = None
    """Articles in all; by default as many as fit into `seconds`."""
    bus: str | None = None
    store: str | None = None
    backend: str = TORCH
    """What runs a network on a CPU."""


def measure_pipeline(plan: PipelinePlan) -> PipelineFigures:
    """Measure for about `plan.seconds`, bare scoring and the roles in turns; starting them comes on
    top. Raises ModelError, UsageError, DataError, Unavailable."""
    scorer = open_scorer(plan.spec, pick_device(plan.device), plan.backend)
    turns = itertools.count(1)
    now = datetime.now(UTC)

    def burst(size: int) -> list[Article]:
        return made_articles(plan.texts, next(turns), size, plan.language, now)

    def bare(articles: Sequence[Article]) -> float:
        score_all(scorer, [article.title for article in articles], plan.language)
        return len(articles)

    count = _articles_a_round(plan, lambda size: bare(burst(size)))
    models = {
        "english": plan.spec,
        "chinese": plan.spec,
        "device": plan.device,
        "backend": plan.backend,
    }
    with fresh_settings(plan.bus, plan.store, models) as (settings, config):
        bus, engine = open_bus(settings), open_store(settings.store_url)
        try:
            with running(STAGES, config) as roles:
                feed = _Feed(bus, engine, roles)
                feed.put(burst(PROBE_ARTICLES))
                feed.used.clear()
                bursts = [burst(count) for _ in range(ROUNDS)]
                laps = in_turns(
                    {
                        "pipeline": lambda number: feed.put(bursts[number]),
                        "bare": lambda number: bare(bursts[number]),
                    },
                    ROUNDS,
                    time.perf_counter,
                )
                feed.close()
        finally:
            engine.dispose()
            bus.close()
    had = sum(lap.seconds for lap in laps["pipeline"]) * usable_cores()
    return PipelineFigures(
        articles_per_second=round(median_rate(laps["pipeline"]), 1),
        texts_per_second=round(median_rate(laps["bare"]), 1),
        ratio_bare=round(median_ratio(laps["pipeline"], laps["bare"]), 4),
        cpu_share={stage: round(used / had, 4) for stage, used in feed.used.items()},
        articles=count * ROUNDS,
        bus=settings.bus.kind,
        store=engine.dialect.name,
        model=scorer.identifiers["en"],
        machine=machine_facts(pick_device(plan.device)),
    )


def _articles_a_round(plan: PipelinePlan, bare: Callable[[int], object]) -> int:
    if plan.articles is not None:
        return max(1, plan.articles // ROUNDS)
    turn = plan.seconds / (2 * ROUNDS)
    return fitting(bare, PROBE_ARTICLES, MAX_ARTICLES_A_ROUND, turn, time.perf_counter)


class _Feed:
    """Puts articles on the bus as ingest does, and waits until the roles have counted them."""

    def __init__(self, bus: Bus, engine: Engine, roles: RoleProcesses) -> None:
        self._producer = bus.producer()
        self._outlet = ArticleOutlet(self._producer, bus.partitions(ARTICLES))
        self._engine = engine
        self._roles = roles
        self._sent = 0
        self.used: dict[str, float] = {}
        """By stage, the seconds of processor time that `put` took; without the roles where the
        system does not tell theirs."""

    def put(self, articles: Sequence[Article]) -> float:
        """Return how many they were, once all are counted. Raises DataError, Unavailable."""
        before = self._cpu_seconds()
        for start in range(0, len(articles), SEND_TOGETHER):
            self._outlet.send(articles[start : start + SEND_TOGETHER], "bench")
        self._sent += len(articles)
        self._wait()
        for stage, seconds in self._cpu_seconds().items():
            self.used[stage] = self.used.get(stage, 0.0) + seconds - before[stage]
        return len(articles)

    def close(self) -> None:
        self._producer.close()

    def _wait(self) -> None:
        counted, until = -1, 0.0
        while (found := tallied(self._engine)) < self._sent:
            if found > counted:
                counted, until = found, time.monotonic() + PATIENCE_SECONDS
            self._roles.check()
            if time.monotonic() > until:
                raise DataError(
                    f"of {self._sent} articles {found} are counted, and for "
                    f"{PATIENCE_SECONDS:.0f} s no more have been"
                )
            time.sleep(LOOK_SECONDS)
        if found > self._sent:
            raise DataError(f"{found} articles are counted, {self._sent} were sent")

    def _cpu_seconds(self) -> dict[str, float]:
        return {"feed": time.process_time(), **self._roles.cpu_seconds()}


def tallied(engine: Engine) -> int:
    """Articles in the tallies. Asked often while processors are busy: the database adds them up."""
    counted = func.coalesce(func.sum(tallies.c.articles), 0)
    with reading(engine) as connection:
        return int(
            connection.execute(select(counted).where(tallies.c.dimension == "all")).scalar_one()
        )
