"""The usual way to score texts: Hugging Face's `pipeline`, with the same weights."""

import logging
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    pipeline,
)
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils import logging as hub_logging

from models.directories import resolve
from models.encoder import TwoHeadEncoder
from models.labels import LABEL_SYNONYMS, SENTIMENTS
from models.layout import LINEAR
from models.loading import load_network, open_tokenizer
from models.manifest import MANIFEST
from models.wide import Wide, read_wide


class SentimentClassifier(PreTrainedModel):
    """A network of ours as a pipeline wants it: logits (texts, 3) of the sentiments."""

    _supports_sdpa = True
    """As its backbone does, which decides what attention is computed by."""

    def __init__(self, network: TwoHeadEncoder) -> None:
        config: Any = network.backbone.config
        config.id2label = dict(enumerate(SENTIMENTS))
        config.label2id = {name: number for number, name in enumerate(SENTIMENTS)}
        super().__init__(config)
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        logits, _ = self.network(input_ids, attention_mask)
        return SequenceClassifierOutput(logits=logits)


class PlainPipeline:
    """`pipeline("text-classification")` in single precision."""

    def __init__(self, spec: str, device: str, max_tokens: int) -> None:
        """Raises ModelError for a directory that is broken."""
        # It would switch off the parallel tokenising of the whole process, ours too.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        self._max_tokens = max_tokens
        network, tokenizer, self._wide = _parts(spec, max_tokens)
        # It complains of a class that it does not know, and of being called text by text.
        hub_logging.set_verbosity(logging.CRITICAL)
        self._pipeline = pipeline(
            "text-classification",
            model=network.eval(),
            tokenizer=tokenizer,
            device=torch.device(device),
        )

    def labels(self, texts: Sequence[str], batch_size: int) -> list[str]:
        """The likeliest sentiment of each text."""
        answers: Any = self._pipeline(
            list(texts),
            batch_size=batch_size,
            truncation=True,
            max_length=self._max_tokens,
            top_k=None if self._wide else 1,
        )
        if self._wide is not None:
            found = np.array([_in_order(answer) for answer in answers])
            added = np.log(found + 1e-30) + self._wide.logits(self._wide.grams(texts))
            return [SENTIMENTS[column] for column in added.argmax(-1)]
        return [LABEL_SYNONYMS.get(item["label"].lower(), item["label"]) for [item] in answers]


def plain_pipeline(spec: str, device: str, max_tokens: int) -> PlainPipeline | None:
    """The pipeline of a model's weights; None for a linear model, which has no encoder."""
    if (resolve(spec) / LINEAR).is_file():
        return None
    return PlainPipeline(spec, device, max_tokens)


def _in_order(answer: Sequence[dict[str, Any]]) -> list[float]:
    """The probabilities of one text, in the order of our sentiments."""
    by_name = {item["label"]: item["score"] for item in answer}
    return [by_name[name] for name in SENTIMENTS]


def _parts(spec: str, max_tokens: int) -> tuple[PreTrainedModel, Any, Wide | None]:
    if not (resolve(spec) / MANIFEST).is_file():
        network = AutoModelForSequenceClassification.from_pretrained(
            spec, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
        return network, AutoTokenizer.from_pretrained(spec, trust_remote_code=False), None
    manifest, ours, path = load_network(resolve(spec))
    tokenizer = open_tokenizer(path, max_tokens)
    config: Any = ours.backbone.config
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=tokenizer.id_to_token(config.pad_token_id or 0),
        model_input_names=["input_ids", "attention_mask"],
    )
    return SentimentClassifier(ours), wrapped, read_wide(resolve(spec), manifest)
