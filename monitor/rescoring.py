"""Scoring stored articles again: beside what counts, and, where that is wanted, in its place."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from models.journal import LANGUAGES
from models.languages import route
from models.manifest import ModelError, parse_manifest
from models.registry import Registry
from models.scorer import Scorer
from models.serving import open_directory, open_version, registry_language
from models.tiers import in_tier
from models.watchlist import Watchlist
from monitor.detection import forget_states
from monitor.events import SCORED
from monitor.failures import Unavailable
from monitor.score_changes import ScoreChanges
from monitor.scoring import finish, load_scorer, prepare, service_options
from monitor.settings import Settings
from monitor.store import adoptions
from monitor.store.engine import reading
from monitor.store.ingestion import watermarks
from monitor.store.leases import ADOPTION, Lease
from monitor.store.rescores import (
    Place,
    Selection,
    beside_count,
    keep_beside,
    kept_beside,
    stored_languages,
    unscored,
    unscored_count,
)
from monitor.workers.aggregate import GROUP

CHUNK_ARTICLES = 512
PAUSE_SECONDS = 0.02
"""Between two batches, so that others get at a SQLite store."""

OnProgress = Callable[[str, int, int], None]
"""Is told what is done, how many articles of it are, and of how many."""


@dataclass(frozen=True, slots=True)
class OpenedModels:
    """A scorer, and the model that it asks, by the language that this is made for."""

    scorer: Scorer
    by_language: Mapping[str, str]


def open_models(settings: Settings, name: str | None) -> OpenedModels:
    """The models in service; or one by name, for the languages that it is made for: a directory, a
    version or a bundled model. Raises ModelError."""
    if name is None:
        scorer = load_scorer(settings)
        return OpenedModels(scorer, scorer.identifiers)
    registry = Registry(settings.model_registry)
    version, directory = registry.find(name)
    languages = [item for item in LANGUAGES if item in parse_manifest(directory).languages]
    options = service_options(settings)
    if version is None:
        model = open_directory(directory, options)
    else:
        model = open_version(registry, version, options)
    return OpenedModels(
        Scorer(dict.fromkeys(LANGUAGES, model)), dict.fromkeys(languages, model.identifier)
    )


def not_in_service(settings: Settings, models: Mapping[str, str]) -> dict[str, str]:
    """By language, the model that scores what comes in now, where it is another than these."""
    registry = Registry(settings.model_registry)
    specs = {"en": settings.models.english, "zh": settings.models.chinese}
    others = {}
    for language, model in models.items():
        spec = specs[language]
        if (served := registry_language(spec)) is not None:
            spec = registry.in_service(served)
        spec = in_tier(spec, settings.models.tier)
        try:
            serving = parse_manifest(registry.find(spec)[1]).identifier
        except ModelError:
            # A classifier from elsewhere goes by its own name.
            serving = spec
        if serving != model:
            others[language] = serving
    return others


def targets(engine: Engine, models: Mapping[str, str], only: str | None) -> dict[str, str]:
    """The model that is to score the articles of each stored language, where there is one.

    `models` are by the languages that models are made for; `only` names one stored language.
    """
    return {
        language: models[key]
        for language in stored_languages(engine)
        if (key := language if language in models else route(language)) in models
        and only in (None, language)
    }


def score_beside(
    engine: Engine,
    scorer: Scorer,
    watchlist: Watchlist,
    selection: Selection,
    on_progress: OnProgress = lambda what, done, of: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> int:
    """Score what is selected and not yet scored, and keep it beside; how many that were.

    May be interrupted and repeated at will. Raises Unavailable.
    """
    total, done = unscored_count(engine, selection), 0
    on_progress("scored", 0, total)

    chunks = (
        prepare(scorer, articles, watchlist)
        for articles in unscored(engine, selection, CHUNK_ARTICLES)
    )
    for asked, scores in scorer.stream(chunks, lambda asked: asked.prepared):
        keep_beside(engine, finish(asked, scores, now()))
        done += len(asked.articles)
        on_progress("scored", done, total)
    return done


def changes_beside(engine: Engine, selection: Selection) -> ScoreChanges:
    """What the scores beside would change; they are read some at a time."""
    changes, after = ScoreChanges(), None
    while True:
        with reading(engine) as connection:
            found = kept_beside(connection, selection, after, CHUNK_ARTICLES)
        if not found:
            return changes
        changes.add(found)
        after = found[-1].place


def adopt(
    engine: Engine,
    selection: Selection,
    partitions: int,
    owner: str,
    on_progress: OnProgress = lambda what, done, of: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ScoreChanges:
    """Make the scores beside the ones that count, and let the rules learn from them anew.

    Meanwhile nothing is detected, so that no alert rests on two models; what happens then is
    detected afterwards. Raises Unavailable, also where another adoption is under way; what was
    done by then stays, and the next one goes on there.
    """
    total = beside_count(engine, selection)
    # One that was killed after its last batch has only its end before it.
    if not total and not adoptions.is_unended(engine, selection):
        return ScoreChanges()
    lease = Lease(engine, ADOPTION, owner)
    if not lease.held(now()):
        raise Unavailable("another adoption of scores is under way; it can be begun again later")
    try:
        # Once, and only of what was before: an alert that is due meanwhile is announced afterwards.
        marks = watermarks(engine, GROUP, SCORED, partitions)
        before = None if marks is None else marks[1]
        if before is not None:
            forget_states(engine, before)
        adoption = adoptions.begin(engine, selection, now())
        after: Place | None = None
        done = 0
        while some := adoptions.adopt_some(engine, adoption, after, CHUNK_ARTICLES, now):
            after, count = some
            done += count
            on_progress("adopted", done, total)
            if not lease.held(now()):
                raise Unavailable("the adoption of scores stood still for too long; begin it again")
            time.sleep(PAUSE_SECONDS)
        if before is not None:
            forget_states(engine, before)
        return adoptions.end(engine, adoption, now()).changes
    finally:
        lease.release()
