"""Any Hugging Face sequence classifier in the place of a bundled model's sentiment."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from models.backends.devices import pick_device
from models.backends.options import BackendOptions
from models.batching import cut_batches
from models.confusion import Confusion
from models.in_service import BundledModel
from models.labels import LABEL_SYNONYMS, SENTIMENTS
from models.manifest import ModelError
from models.readings import joined, parted
from models.reference import Reference


class StandIn:
    """A classifier by name or directory; topics still come from the bundled model."""

    reads_companies = False
    reference: Reference | None = None
    confusion: Confusion | None = None

    def __init__(
        self, spec: str, topics: BundledModel, options: BackendOptions, max_tokens: int
    ) -> None:
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(spec, trust_remote_code=False)
            network = AutoModelForSequenceClassification.from_pretrained(
                spec, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
            )
        except (OSError, ValueError) as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"model '{spec}' cannot be loaded: {reason}") from error
        self._columns = [
            _column(spec, network.config.id2label, sentiment) for sentiment in SENTIMENTS
        ]
        self._device = pick_device(options.device)
        self._network = network.eval().to(self._device)
        self.backend_reason = f"torch {self._device} f32, as a model from elsewhere is"
        self._budget_tokens = options.batch_tokens
        self._topics = topics
        self.topics = topics.topics
        self.max_tokens = max_tokens
        self.cut_texts = 0
        self.identifier = f"{spec}+{topics.identifier}"

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of the classifier, joined with those of the topic model."""
        own = self._tokenizer(list(texts), truncation=True, max_length=self.max_tokens)["input_ids"]
        self.cut_texts += sum(len(ids) >= self.max_tokens for ids in own)
        return joined(own, self._topics.tokenise(texts))

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        unknown = self._tokenizer.unk_token_id
        own, _ = parted(tokens)
        return [(len(ids), ids.count(unknown)) for ids in own]

    @torch.inference_mode()
    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        own, others = parted(tokens)
        probabilities = np.zeros((len(tokens), len(SENTIMENTS)), dtype=np.float32)
        lengths = [len(ids) for ids in own]
        for batch in cut_batches(lengths, self._budget_tokens):
            rows = list(batch.indices)
            inputs = self._tokenizer.pad(
                {"input_ids": [own[row] for row in rows]},
                padding="max_length",
                max_length=batch.width,
                return_tensors="pt",
            )
            logits = self._network(**inputs.to(self._device)).logits.float()
            probabilities[rows] = logits.softmax(-1).cpu().numpy()[:, self._columns].round(4)
        _, topics, passed = self._topics.answer(others)
        return probabilities, topics, passed


def _column(spec: str, id2label: dict[int, str], sentiment: str) -> int:
    for index, label in id2label.items():
        if LABEL_SYNONYMS.get(str(label).strip().lower()) == sentiment:
            return int(index)
    names = ", ".join(str(label) for label in id2label.values())
    raise ModelError(f"model '{spec}' has no label that means {sentiment}; its labels are: {names}")
