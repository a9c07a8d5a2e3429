"""A model directory in service: texts to tokens, tokens to probabilities."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.backends.devices import pick_device
from models.backends.opening import open_backend
from models.backends.options import PLAIN, BackendOptions
from models.backends.protocol import Logits
from models.backends.remembered import Remembered
from models.directories import resolve
from models.loading import load_network, open_tokenizer
from models.probabilities import of_sentiments, of_topics, thresholds_of
from models.readings import joined, parted
from models.reference import read_reference
from models.wide import read_wide

MAX_CHARACTERS_PER_TOKEN = 12


class BundledModel:
    """A model directory in service."""

    def __init__(
        self, spec: str, options: BackendOptions = PLAIN, max_tokens: int | None = None
    ) -> None:
        directory = resolve(spec)
        options = replace(options, device=pick_device(options.device))
        manifest, network, tokenizer = load_network(directory)
        self.identifier = manifest.identifier
        self.languages = manifest.languages
        self.reads_companies = manifest.reads_companies
        self.topics = manifest.topics
        self.max_tokens = min(max_tokens or manifest.max_tokens, manifest.max_tokens)
        self.cut_texts = 0
        self._tokenizer = open_tokenizer(tokenizer, self.max_tokens)
        unknown = getattr(self._tokenizer.model, "unk_token", None) or "<unk>"
        found = self._tokenizer.token_to_id(unknown)
        self._unknown = -1 if found is None else found
        self.reference = read_reference(directory)
        self.confusion = manifest.confusion
        self._temperature = manifest.temperature
        self._thresholds = thresholds_of(manifest)
        self._wide = read_wide(directory, manifest)
        opened = open_backend(
            network,
            self.identifier,
            self.languages,
            self.max_tokens,
            options,
            self._pieces,
            self._labels,
        )
        self._backend, self.backend_reason = Remembered(opened.backend), opened.reason

    @property
    def backend_name(self) -> str:
        """What runs the network, and in which precision."""
        return self._backend.name

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        pieces = self._pieces(texts)
        return pieces if self._wide is None else joined(pieces, self._wide.grams(texts))

    def _pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text: what the encoder reads."""
        limit = self.max_tokens * MAX_CHARACTERS_PER_TOKEN
        encodings = self._tokenizer.encode_batch_fast([text[:limit] for text in texts])
        self.cut_texts += sum(
            bool(encoding.overflowing) or len(text) > limit
            for encoding, text in zip(encodings, texts, strict=True)
        )
        return [encoding.ids for encoding in encodings]

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        pieces = tokens if self._wide is None else parted(tokens)[0]
        return [(len(ids), ids.count(self._unknown)) for ids in pieces]

    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        if self._wide is None:
            sentiment, topics = self._backend.logits(tokens)
        else:
            pieces, read = parted(tokens)
            sentiment, topics = self._backend.logits(pieces)
            sentiment = sentiment + self._wide.logits(read)
        likelihoods = of_topics(topics)
        probabilities = of_sentiments(sentiment, self._temperature)
        return probabilities, likelihoods, likelihoods >= self._thresholds

    def _labels(self, found: Logits) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
        return found[0].argmax(-1), of_topics(found[1]) >= self._thresholds
