"""Watching the models in service: confidence, drift, and a challenger's answers beside theirs."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np

from alerts.correction import ErrorCounts, Kind
from models.drift_watch import DriftWatch, Observed
from models.scorer import Prepared
from monitor.events import ScoredEvent
from monitor.metrics import LOW_CONFIDENCE, MODEL_DRIFT
from monitor.scoring import error_counts
from monitor.settings import Settings
from monitor.store.drift import save_drift
from monitor.store.engine import open_store
from monitor.store.model_errors import note_errors
from monitor.store.shadow import ShadowScore, add_shadow_scores, prune_shadow_scores
from monitor.workers.recorder import Recorder
from monitor.workers.shadow import ROLE, Shadow, open_challengers

LOG = logging.getLogger(__name__)
REPORT_SECONDS = 15.0
PRUNE_SECONDS = 600.0


class ModelWatch:
    """What the score role does with its results after they were sent; all of it can be lost."""

    def __init__(
        self,
        low_confidence: float,
        shadow: Shadow | None,
        recorder: Recorder,
        worker: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._low_confidence = low_confidence
        self._shadow = shadow
        self._recorder = recorder
        self._worker = worker
        self._clock = clock
        self._drift = DriftWatch()
        self._changed = False
        self._reported = clock()
        self._errors: dict[Kind, ErrorCounts] = {}

    def take(self, prepared: Prepared, scored: Sequence[ScoredEvent]) -> None:
        """Look at a batch that was sent; `prepared` begins with its articles, in their order."""
        for event in scored:
            if max(event.negative, event.neutral, event.positive) < self._low_confidence:
                LOW_CONFIDENCE.labels(event.language).inc()
        tokens, unknown = prepared.token_counts()
        references = {model.identifier: model.reference for model, _, _ in prepared.work}
        self._note_errors(prepared)
        for model in sorted({event.model for event in scored}):
            rows = [index for index, event in enumerate(scored) if event.model == model]
            events = [scored[row] for row in rows]
            begun = self._drift.observe(
                Observed(
                    model=model,
                    reference=references.get(model),
                    languages=[event.language for event in events],
                    sources=[event.article.source for event in events],
                    sentiment=np.array(
                        [(event.negative, event.neutral, event.positive) for event in events],
                        dtype=np.float32,
                    ),
                    tokens=[tokens[row] for row in rows],
                    unknown=[unknown[row] for row in rows],
                )
            )
            if begun:
                LOG.warning(
                    "score: %s brings no reference for %s: the first texts here become it",
                    model,
                    ", ".join(begun),
                )
        self._changed = True
        if self._shadow is not None:
            self._shadow.offer(scored)

    def work(self, idle: Callable[[], bool]) -> None:
        """Report drift where it is time, and let the challenger score while the role is idle."""
        if self._changed and self._clock() - self._reported >= REPORT_SECONDS:
            self._report()
        if self._shadow is not None:
            self._shadow.work(idle)

    def close(self) -> None:
        self._recorder.close()

    def _note_errors(self, prepared: Prepared) -> None:
        """Keep what is known of the errors of models that score here for the first time."""
        known = {
            model.identifier: model.confusion
            for model, _, _ in prepared.work
            if model.confusion is not None
        }
        errors = self._errors | error_counts(known)
        if errors != self._errors:
            self._errors = errors
            self._recorder.put(partial(note_errors, errors=errors, now=datetime.now(UTC)))

    def _report(self) -> None:
        self._changed, self._reported = False, self._clock()
        # Again and again, since what the recorder has dropped would be missing for ever.
        if self._errors:
            self._recorder.put(partial(note_errors, errors=self._errors, now=datetime.now(UTC)))
        readings = self._drift.readings()
        for item in readings:
            for measure, value in (("psi", item.psi), ("jensen_shannon", item.jensen_shannon)):
                MODEL_DRIFT.labels(item.language, item.source, item.statistic, measure).set(
                    math.nan if value is None else value
                )
        if readings:
            now = datetime.now(UTC)
            self._recorder.put(partial(save_drift, worker=self._worker, readings=readings, now=now))


def open_watch(settings: Settings, worker: str) -> ModelWatch:
    """The watch that the settings ask for; the store is opened when there is something to keep."""
    recorder = Recorder(ROLE, lambda: open_store(settings.store_url))
    challengers = open_challengers(settings)
    keeper = _Keeper(recorder)
    shadow = Shadow(challengers, settings.models.shadow.fraction, keeper) if challengers else None
    return ModelWatch(settings.models.low_confidence, shadow, recorder, worker)


class _Keeper:
    """Keeps a challenger's scores, and now and then drops the old ones."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._pruned = -math.inf

    def __call__(self, scores: Sequence[ShadowScore]) -> None:
        self._recorder.put(partial(add_shadow_scores, scores=scores))
        if time.monotonic() - self._pruned >= PRUNE_SECONDS:
            self._pruned = time.monotonic()
            self._recorder.put(lambda engine: prune_shadow_scores(engine, datetime.now(UTC)))
