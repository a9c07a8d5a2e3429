"""The ways to score that are measured beside each other: ours and the usual ones."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from models.backends.options import TORCH, BackendOptions
from models.scorer import Prepared, Scorer
from models.tiers import accurate
from monitor.bench.latency import poisson_arrivals, served
from monitor.bench.plain_pipeline import plain_pipeline
from monitor.bench.rounds import Way, fitting
from monitor.bench.texts import SEED, numbered, window

CHUNK_TEXTS = 512
"""As many are prepared together as a backfill does."""
SERVED_TOGETHER = 256
"""As many as the score role takes at once."""
PROBE_TEXTS = 32


def open_scorer(spec: str, device: str, backend: str = TORCH) -> Scorer:
    """A scorer that gives any text to this model, whatever language it seems to be in.

    Raises ModelError.
    """
    options = BackendOptions(device=device, backend=backend)
    return Scorer.load({"en": spec, "zh": spec}, options)


def score_all(scorer: Scorer, texts: Sequence[str], language: str) -> list[str]:
    """The labels of the texts, each chunk prepared while the one before it is scored."""

    def prepare(chunk: Sequence[str]) -> Prepared:
        return scorer.prepare(chunk, [language] * len(chunk))

    return [
        scores.label(index)
        for chunk, scores in scorer.stream(chunks(texts), prepare)
        for index in range(len(chunk))
    ]


def chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts, CHUNK_TEXTS at a time."""
    for start in range(0, len(texts), CHUNK_TEXTS):
        yield texts[start : start + CHUNK_TEXTS]


class Ways:
    """Each way with the texts that it is given, and what it leaves behind to be looked at."""

    def __init__(
        self, spec: str, language: str, texts: Sequence[str], device: str, backend: str
    ) -> None:
        """`device` is torch's. Raises ModelError."""
        self.scorer = open_scorer(spec, device, backend)
        self.model = self.scorer.prepare(texts[:1]).work[0][0]
        self.latencies: list[float] = []
        """Seconds of each call with one text."""
        self.scored: list[list[int]] = []
        """Token counts of the texts of each of our laps."""
        self._language = language
        self._texts = texts
        self._plain = plain_pipeline(accurate(spec), device, self.model.max_tokens)
        self._plain_labels: dict[str, str] = {}
        self._uses = itertools.count(1)

    def fitted(self, seconds: float) -> dict[str, Way]:
        """Each way by name, with as many texts a round as it scores in `seconds`; ours with a chunk
        at least, since it pads little only where it can sort."""
        ways = {
            "scoring": self._fit(self._score, seconds, CHUNK_TEXTS),
            "sentence_calls": self._fit(self._call_by_sentence, seconds, 1),
        }
        if self._plain is not None:
            ways["pipeline_1"] = self._fit(partial(self._label, 1), seconds, 1)
            ways["pipeline_32"] = self._fit(partial(self._label, 32), seconds, 32)
        self.latencies.clear()
        self.scored.clear()
        return ways

    def under_load(self, per_second: float, seconds: float) -> list[float]:
        """Seconds that each text waits for its score when texts arrive by chance."""
        arrivals = poisson_arrivals(per_second, seconds, SEED)
        texts = self._fresh(len(arrivals), 0)

        def serve(first: int, last: int) -> None:
            self.scorer.score(texts[first:last], [self._language] * (last - first))

        return served(arrivals, serve, SERVED_TOGETHER, time.perf_counter, time.sleep)

    def agreement(self) -> float | None:
        """Share of the plain pipeline's texts for which our label is its label."""
        if not self._plain_labels:
            return None
        ours = score_all(self.scorer, list(self._plain_labels), self._language)
        same = sum(
            own == other for own, other in zip(ours, self._plain_labels.values(), strict=True)
        )
        return same / len(ours)

    def _fit(self, work: Callable[[Sequence[str]], object], seconds: float, least: int) -> Way:
        most = len(self._texts)
        found = fitting(
            lambda many: work(self._fresh(many, 0)), PROBE_TEXTS, most, seconds, time.perf_counter
        )
        count = min(most, max(least, found))

        def way(number: int) -> float:
            work(self._fresh(count, number))
            return count

        return way

    def _fresh(self, count: int, turn: int) -> list[str]:
        return numbered(window(self._texts, count, turn), next(self._uses))

    def _score(self, texts: Sequence[str]) -> None:
        lengths: list[int] = []

        def prepare(chunk: Sequence[str]) -> Prepared:
            prepared = self.scorer.prepare(chunk, [self._language] * len(chunk))
            lengths.extend(prepared.token_counts()[0])
            return prepared

        for _ in self.scorer.stream(chunks(texts), prepare):
            pass
        self.scored.append(lengths)

    def _call_by_sentence(self, texts: Sequence[str]) -> None:
        for text in texts:
            started = time.perf_counter()
            self.scorer.score([text], [self._language])
            self.latencies.append(time.perf_counter() - started)

    def _label(self, batch_size: int, texts: Sequence[str]) -> None:
        assert self._plain is not None
        self._plain_labels.update(zip(texts, self._plain.labels(texts, batch_size), strict=True))
