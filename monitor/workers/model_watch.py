"""Taking a newly promoted model into service while the score role runs."""

import logging
import threading
from collections.abc import Callable

from models.manifest import ModelError
from models.scorer import Scorer
from models.serving import Refusal
from monitor.metrics import FAILURES

LOG = logging.getLogger(__name__)
ROLE = "score"
MODEL_WATCH_SECONDS = 30.0


def count_refusal(refusal: Refusal) -> None:
    """Count a promoted version that is not taken into service."""
    FAILURES.labels(ROLE, "invalid").inc()


def watch(
    renewed: Callable[[], Scorer | None],
    take: Callable[[Scorer], None],
    every_seconds: float,
    ended: threading.Event,
) -> None:
    """Ask for new models again and again until the role has ended; what cannot be had changes
    nothing."""
    told = ""
    while not ended.wait(every_seconds):
        try:
            scorer = renewed()
        except ModelError as error:
            if str(error) != told:
                told = str(error)
                FAILURES.labels(ROLE, "invalid").inc()
                LOG.warning("models: %s", told)
            continue
        if scorer is not None:
            LOG.info("models: now in service: %s", ", ".join(scorer.identifiers.values()))
            take(scorer)
