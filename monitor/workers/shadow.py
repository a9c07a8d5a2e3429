"""A challenger beside the model in service: it scores a part of the live texts, out of the way."""

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from models.labels import SENTIMENTS
from models.languages import route
from models.manifest import ModelError
from models.scorer import Scorer
from monitor.events import ScoredEvent
from monitor.metrics import FAILURES, SHADOW_TEXTS
from monitor.scoring import scored_text, service_options
from monitor.settings import Settings
from monitor.store.shadow import Probabilities, ShadowScore

LOG = logging.getLogger(__name__)
ROLE = "score"
MAX_WAITING = 512
SLICE_TEXTS = 16
"""A live batch waits for at most so many texts of the challenger."""


def chosen(article_id: str, fraction: float) -> bool:
    """Whether an article is one of the fraction: by its id, so that a replay chooses the same, and
    a larger fraction chooses those of a smaller one too."""
    digest = hashlib.sha256(f"shadow:{article_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < fraction * 2**64


class Shadow:
    """Takes what was scored and sent, and scores it again when no live batch waits.

    `challengers` is by the language that texts are routed to. `keep` is given each slice of
    results; nothing goes to the bus.
    """

    def __init__(
        self,
        challengers: Mapping[str, Scorer],
        fraction: float,
        keep: Callable[[Sequence[ShadowScore]], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._challengers = challengers
        self._fraction = fraction
        self._keep = keep
        self._now = now
        self._waiting: deque[ScoredEvent] = deque()

    def offer(self, scored: Sequence[ScoredEvent]) -> None:
        """Put the chosen ones in line; those beyond `MAX_WAITING` are skipped and counted."""
        for event in scored:
            if route(event.language) not in self._challengers:
                continue
            if not chosen(event.article.id, self._fraction):
                continue
            if len(self._waiting) < MAX_WAITING:
                self._waiting.append(event)
            else:
                SHADOW_TEXTS.labels("skipped").inc()

    def work(self, idle: Callable[[], bool]) -> None:
        """Score what waits, a slice at a time, while `idle` says that nothing else does."""
        while self._waiting and idle():
            count = min(SLICE_TEXTS, len(self._waiting))
            by_language: dict[str, list[ScoredEvent]] = {}
            for event in (self._waiting.popleft() for _ in range(count)):
                by_language.setdefault(route(event.language), []).append(event)
            for language, events in by_language.items():
                try:
                    scores = self._scores(self._challengers[language], events)
                except Exception:
                    # Whatever a challenger does wrong is its own failure, not the role's.
                    LOG.exception("score: the challenger for '%s' failed", language)
                    SHADOW_TEXTS.labels("failed").inc(len(events))
                    continue
                SHADOW_TEXTS.labels("scored").inc(len(events))
                self._keep(scores)

    def _scores(self, challenger: Scorer, events: Sequence[ScoredEvent]) -> list[ShadowScore]:
        scores = challenger.score(
            [scored_text(event.article.title, event.article.text) for event in events],
            [event.language for event in events],
        )
        now = self._now()
        found = []
        for index, event in enumerate(events):
            live = event.negative, event.neutral, event.positive
            negative, neutral, positive = (float(value) for value in scores.sentiment[index])
            found.append(
                ShadowScore(
                    article_id=event.article.id,
                    language=event.language,
                    live_model=event.model,
                    live_label=_likeliest(live),
                    live=live,
                    model=scores.models[index],
                    label=scores.label(index),
                    probabilities=(negative, neutral, positive),
                    scored=now,
                )
            )
        return found


def open_challengers(settings: Settings) -> dict[str, Scorer]:
    """The challengers that can be opened; one that cannot is named in the log and counted."""
    shadow, options = settings.models.shadow, service_options(settings)
    specs = {"en": shadow.english, "zh": shadow.chinese}
    found = {}
    for language, spec in specs.items():
        if spec is None or shadow.fraction == 0:
            continue
        try:
            # One model in both places: only texts that are routed to its language come.
            found[language] = Scorer.load(
                {"en": spec, "zh": spec}, options.backend, options.max_tokens
            )
        except ModelError as error:
            LOG.error("score: no challenger for '%s': models.shadow: %s", language, error)
            FAILURES.labels(ROLE, "shadow").inc()
    return found


def _likeliest(probabilities: Probabilities) -> str:
    """Between equals the worse, as everywhere."""
    return max(zip(probabilities, (2, 1, 0), SENTIMENTS, strict=True))[2]
