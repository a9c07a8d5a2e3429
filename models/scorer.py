"""Texts to scores: language detected and routed, batches cut by tokens, one pass each."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from models.answers import Answers, open_model
from models.backends.options import PLAIN, BackendOptions
from models.companies import CHARACTERS_PER_TOKEN, clauses_naming, marked
from models.confusion import Confusion
from models.labels import SENTIMENTS, TOPICS
from models.languages import detect_language, route
from models.manifest import ModelError
from models.scores import Scores
from models.tiers import ACCURATE

C = TypeVar("C")
"""What a caller calls a chunk."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Tokenised texts, by the model that will score them."""

    count: int
    languages: tuple[str, ...]
    work: tuple[tuple[Answers, tuple[int, ...], list[list[int]]], ...]

    def token_counts(self) -> tuple[list[int], list[int]]:
        """Tokens of each text, and those of them that its model does not know."""
        tokens, unknown = [0] * self.count, [0] * self.count
        for model, indices, ids in self.work:
            for index, (many, strange) in zip(indices, model.token_counts(ids), strict=True):
                tokens[index], unknown[index] = many, strange
        return tokens, unknown


class Scorer:
    """Scores texts in any mixture of languages."""

    def __init__(self, models: Mapping[str, Answers]) -> None:
        """`models` by language; must hold "en" and "zh"."""
        missing = {"en", "zh"} - set(models)
        if missing:
            raise ModelError(f"no model for {', '.join(sorted(missing))}")
        self._models = dict(models)
        own = {topic for model in models.values() for topic in model.topics} - set(TOPICS)
        self.topic_names = (*TOPICS, *sorted(own))

    @classmethod
    def load(
        cls,
        specs: Mapping[str, str] = ACCURATE,
        options: BackendOptions = PLAIN,
        max_tokens: int | None = None,
    ) -> "Scorer":
        """Load a model a language: `bundled:NAME`, a directory, or a Hugging Face classifier.

        Raises ModelError, with a message for the user.
        """
        opened: dict[str, Answers] = {}
        for language, spec in {**ACCURATE, **specs}.items():
            same = next(
                (
                    opened[known]
                    for known, name in specs.items()
                    if name == spec and known in opened
                ),
                None,
            )
            opened[language] = same or open_model(spec, language, options, max_tokens)
        return cls(opened)

    @property
    def identifiers(self) -> dict[str, str]:
        """The model in service by language."""
        return {language: model.identifier for language, model in self._models.items()}

    @property
    def confusions(self) -> dict[str, Confusion]:
        """By identifier, how the models did on labelled texts, where that is known."""
        known = {model.identifier: model.confusion for model in self._models.values()}
        return {name: found for name, found in known.items() if found is not None}

    @property
    def cut_texts(self) -> int:
        """How many of the texts so far were longer than their model reads."""
        return sum({id(model): model.cut_texts for model in self._models.values()}.values())

    @property
    def backend_reasons(self) -> dict[str, str]:
        """What runs the model of a language, and why."""
        return {language: model.backend_reason for language, model in self._models.items()}

    def prepare(
        self,
        texts: Sequence[str],
        stated: Sequence[str] | None = None,
        companies: Sequence[Sequence[tuple[int, int]] | None] | None = None,
    ) -> Prepared:
        """Detect languages and tokenise; safe to call on another thread than `run`.

        `companies` holds, for a text that is asked about one company, where it is named (spans in
        characters), and None for a text that is read as a whole.
        """
        hints = stated if stated is not None else [""] * len(texts)
        asked = companies if companies is not None else [None] * len(texts)
        languages = tuple(
            detect_language(text, hint) for text, hint in zip(texts, hints, strict=True)
        )
        groups: dict[str, list[int]] = {}
        for index, language in enumerate(languages):
            key = language if language in self._models else route(language)
            groups.setdefault(key, []).append(index)
        work = tuple(
            (
                self._models[key],
                tuple(indices),
                self._models[key].tokenise(
                    [
                        _shown(self._models[key], texts[index], languages[index], asked[index])
                        for index in indices
                    ]
                ),
            )
            for key, indices in groups.items()
        )
        return Prepared(len(texts), languages, work)

    def run(self, prepared: Prepared) -> Scores:
        """Score what was prepared, in the order of its texts."""
        sentiment = np.zeros((prepared.count, len(SENTIMENTS)), dtype=np.float32)
        topics = np.zeros((prepared.count, len(self.topic_names)), dtype=np.float32)
        passed = np.zeros((prepared.count, len(self.topic_names)), dtype=np.bool_)
        names = [""] * prepared.count
        for model, indices, tokens in prepared.work:
            columns = [self.topic_names.index(topic) for topic in model.topics]
            rows = list(indices)
            cells = np.ix_(rows, columns)
            sentiment[rows], topics[cells], passed[cells] = model.answer(tokens)
            for index in indices:
                names[index] = model.identifier
        return Scores(sentiment, topics, passed, prepared.languages, tuple(names), self.topic_names)

    def score(
        self,
        texts: Sequence[str],
        stated: Sequence[str] | None = None,
        companies: Sequence[Sequence[tuple[int, int]] | None] | None = None,
    ) -> Scores:
        """Scores of the texts, in their order. `stated` gives languages where known, `companies`
        where the company that is asked about is named (see `prepare`)."""
        return self.run(self.prepare(texts, stated, companies))

    def stream(
        self, chunks: Iterable[C], prepare: Callable[[C], Prepared], ahead: int = 2
    ) -> Iterator[tuple[C, Scores]]:
        """Score chunk after chunk while the next ones are prepared on a thread of their own.

        At most `ahead` chunks wait, so that memory stays bounded whatever the source.
        """
        waiting: queue.Queue[tuple[C, Prepared] | BaseException | None] = queue.Queue(maxsize=ahead)
        stopped = threading.Event()

        def put(item: tuple[C, Prepared] | BaseException | None) -> bool:
            while not stopped.is_set():
                try:
                    waiting.put(item, timeout=0.1)
                except queue.Full:
                    continue
                return True
            return False

        def prepare_all() -> None:
            try:
                for chunk in chunks:
                    if not put((chunk, prepare(chunk))):
                        return
                put(None)
            except BaseException as error:  # handed to the reader, who raises it
                put(error)

        thread = threading.Thread(target=prepare_all, name="tokenise", daemon=True)
        thread.start()
        try:
            while (item := waiting.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item[0], self.run(item[1])
        finally:
            stopped.set()
            thread.join()


def _shown(
    model: Answers, text: str, language: str, spans: Sequence[tuple[int, int]] | None
) -> str:
    """What a model is shown of a text that it is asked to read, for a company or as a whole."""
    if spans is None:
        return text
    if model.reads_companies:
        per_token = 1 if route(language) == "zh" else CHARACTERS_PER_TOKEN
        return marked(text, spans, model.max_tokens * per_token)
    return clauses_naming(text, spans)
