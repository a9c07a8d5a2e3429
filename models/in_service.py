"""A model in service: texts to tokens, tokens to probabilities."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models.encoder import padded
from models.loading import load_network, open_tokenizer, resolve
from models.reference import Reference, read_reference

MAX_CHARACTERS_PER_TOKEN = 12


class Answers(Protocol):
    """A model that scores tokenised texts."""

    identifier: str
    reads_companies: bool
    """Whether it was trained with the mark of `models.companies`."""
    max_tokens: int
    topics: tuple[str, ...]
    """What its topic probabilities are of, in their order."""
    reference: Reference | None
    """What it saw and said when it was made, where that is known."""

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]: ...

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        """Tokens of each tokenised text, and those of them that the model does not know."""

    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (n, 3) and (n, topics), and which topics passed."""


class BundledModel:
    """A model directory in service on a device."""

    def __init__(self, spec: str, device: str, max_tokens: int | None = None) -> None:
        directory = resolve(spec)
        manifest, network, tokenizer = load_network(directory)
        self.identifier = manifest.identifier
        self.languages = manifest.languages
        self.reads_companies = manifest.reads_companies
        self.topics = manifest.topics
        self._device = torch.device(device)
        self._network = network.to(self._device)
        self.max_tokens = min(max_tokens or manifest.max_tokens, manifest.max_tokens)
        self._tokenizer = open_tokenizer(tokenizer, self.max_tokens)
        unknown = getattr(self._tokenizer.model, "unk_token", None) or "<unk>"
        found = self._tokenizer.token_to_id(unknown)
        self._unknown = -1 if found is None else found
        self.reference = read_reference(directory)
        self._temperature = manifest.temperature
        self._thresholds = np.array(
            [manifest.topic_thresholds.get(topic, 0.5) for topic in manifest.topics],
            dtype=np.float32,
        )

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        limit = self.max_tokens * MAX_CHARACTERS_PER_TOKEN
        encodings = self._tokenizer.encode_batch_fast([text[:limit] for text in texts])
        return [encoding.ids for encoding in encodings]

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        return [(len(ids), ids.count(self._unknown)) for ids in tokens]

    @torch.inference_mode()
    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        input_ids, mask = padded(tokens)
        sentiment, topics = self._network(input_ids.to(self._device), mask.to(self._device))
        probabilities = (sentiment.float() / self._temperature).softmax(-1).cpu().numpy()
        likelihoods = topics.float().sigmoid().cpu().numpy()
        rounded = likelihoods.round(4)
        return probabilities.round(4), rounded, rounded >= self._thresholds
