"""What a student learns from: its teacher's answers to every training text, kept in a file.

Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; the pooled vectors as in Sun et
al. 2019, "Patient Knowledge Distillation".
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from models.backends.opening import open_backend
from models.backends.options import BackendOptions
from models.backends.protocol import Logits
from models.encoder import TwoHeadEncoder
from models.labels import SENTIMENTS
from models.loading import load_network, open_tokenizer
from models.probabilities import of_topics, thresholds_of
from models.training.examples import Example

CHUNK_TEXTS = 2_048
_SIZE_BYTES = 8
"""A safetensors file begins with the length of its header."""


@dataclass(frozen=True, slots=True)
class Distillation:
    """Which teacher a student learns from, and what counts how much."""

    teacher: Path
    """A model directory."""
    identifier: str
    own: bool = False
    """Whether it is what the same run trained first, which is not kept."""
    temperature: float = 2.0
    """Softens the sentiments of both, so that the teacher's doubts are learned too."""
    sentiment_weight: float = 1.0
    """Of the divergence from the teacher's sentiments, as a loss at temperature one."""
    topics_weight: float = 1.0
    """Of the cross-entropy with the teacher's topics."""
    vector_weight: float = 1.0
    """Of the distance from the teacher's pooled vector."""
    labels_weight: float = 0.5
    """Of the texts' own labels, where they have any."""
    backend: str = "auto"
    """What runs the teacher on a CPU; `auto` is the fastest."""

    @property
    def identity(self) -> str:
        """All that the outcome hangs on; where the teacher lies is not."""
        told = (self.identifier, self.temperature, self.sentiment_weight, self.topics_weight)
        return repr((*told, self.vector_weight, self.labels_weight, self.backend))


class Lessons:
    """A teacher's answers to the training texts, by their place; read from the disk as needed."""

    def __init__(self, path: Path, distillation: Distillation) -> None:
        kept = load_file(path)
        self._sentiment, self._topics, self._pooled = (
            kept[name] for name in ("sentiment", "topics", "pooled")
        )
        self._chosen = distillation

    def loss(
        self,
        labelled: Tensor,
        rows: Sequence[int],
        examples: Sequence[Example],
        pooled: Tensor,
        sentiment: Tensor,
        topics: Tensor,
    ) -> Tensor:
        """What a student's answers to the training texts `rows` cost, a scalar.

        `labelled` is what the texts' own labels cost; `pooled` (n, hidden), `sentiment` (n, 3) and
        `topics` (n, topics) are the student's vectors and logits. Texts count by their weight, as
        they do in the loss of their labels.
        """
        device, chosen = pooled.device, self._chosen
        index = torch.tensor(rows)
        taught_sentiment, taught_topics, taught_pooled = (
            part[index].to(device, torch.float32)
            for part in (self._sentiment, self._topics, self._pooled)
        )
        divergence = functional.kl_div(
            (sentiment / chosen.temperature).log_softmax(-1),
            (taught_sentiment / chosen.temperature).log_softmax(-1),
            reduction="none",
            log_target=True,
        ).sum(-1) * (chosen.temperature**2)
        of_topics = functional.binary_cross_entropy_with_logits(
            topics, taught_topics.sigmoid(), reduction="none"
        ).sum(-1)
        # Relative to its length: direction and length both matter to the heads.
        distance = (pooled - taught_pooled).square().sum(-1) / taught_pooled.square().sum(-1)
        each = (
            chosen.sentiment_weight * divergence
            + chosen.topics_weight * of_topics
            + chosen.vector_weight * distance
        )
        importance = torch.tensor([example.weight for example in examples], device=device)
        return chosen.labels_weight * labelled + (each * importance).mean()


def ask_teacher(
    distillation: Distillation,
    tokens: Sequence[list[int]],
    workplace: Path,
    device: str,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Lessons:
    """Have the teacher answer all texts, through what runs it fastest here, unless the workplace
    holds its answers already. They go to a file chunk by chunk, so that memory stays bounded.

    `progress` hears how many texts are done, and of how many. Raises ModelError.
    """
    path = workplace / "lessons.safetensors"
    if not path.is_file():
        partial = path.with_suffix(".partial")
        options = BackendOptions(device=device, backend=distillation.backend)
        _answer_all(distillation.teacher, tokens, partial, options, progress)
        partial.replace(path)
    return Lessons(path, distillation)


def _answer_all(
    teacher: Path,
    tokens: Sequence[list[int]],
    path: Path,
    options: BackendOptions,
    progress: Callable[[int, int], None],
) -> None:
    manifest, network, tokenizer_path = load_network(teacher)
    tokenizer = open_tokenizer(tokenizer_path, manifest.max_tokens)
    topics_of = _topics_head(network)
    thresholds = thresholds_of(manifest)

    def labels(found: Logits) -> tuple[NDArray[np.int_], NDArray[np.bool_]]:
        return found[0].argmax(-1), of_topics(topics_of(found[1])) >= thresholds

    opened = open_backend(
        _vectors_out(network),
        f"{manifest.identifier}, vectors",
        manifest.languages,
        manifest.max_tokens,
        options,
        _tokeniser(tokenizer),
        labels,
    )
    columns = {
        "sentiment": len(SENTIMENTS),
        "topics": len(manifest.topics),
        "pooled": network.sentiment.in_features,
    }
    kept = _empty_file(path, {name: (len(tokens), count) for name, count in columns.items()})
    for start in range(0, len(tokens), CHUNK_TEXTS):
        rows = slice(start, min(start + CHUNK_TEXTS, len(tokens)))
        sentiment, pooled = opened.backend.logits(tokens[rows])
        kept["sentiment"][rows], kept["pooled"][rows] = sentiment, pooled
        kept["topics"][rows] = topics_of(pooled)
        progress(rows.stop, len(tokens))
    for part in kept.values():
        part.flush()


def _tokeniser(tokenizer: Tokenizer) -> Callable[[Sequence[str]], list[list[int]]]:
    return lambda texts: [item.ids for item in tokenizer.encode_batch_fast(list(texts))]


def _topics_head(network: TwoHeadEncoder) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """From pooled vectors to the logits of topics."""
    weight = network.topics.weight.detach().numpy().T.copy()
    bias = network.topics.bias.detach().numpy().copy()
    return lambda pooled: pooled @ weight + bias


def _vectors_out(network: TwoHeadEncoder) -> TwoHeadEncoder:
    """The network with its pooled vector in the place of its topics: backends give out what two
    heads say, and the topics can be had from the vector."""
    hidden = network.sentiment.in_features
    names = [str(number) for number in range(hidden)]
    changed = TwoHeadEncoder(network.backbone, hidden, network.pooling, names)
    changed.sentiment = network.sentiment
    with torch.no_grad():
        nn.init.eye_(changed.topics.weight)
        nn.init.zeros_(changed.topics.bias)
    return changed.eval()


def _empty_file(
    path: Path, shapes: Mapping[str, tuple[int, int]]
) -> dict[str, np.memmap[tuple[int, ...], np.dtype[np.float16]]]:
    """A safetensors file of half-precision zeros, to be filled in place: by name its tensors."""
    head: dict[str, object] = {}
    places: dict[str, int] = {}
    end = 0
    for name, (rows, columns) in shapes.items():
        places[name], end = end, end + rows * columns * np.dtype(np.float16).itemsize
        head[name] = {
            "dtype": "F16",
            "shape": [rows, columns],
            "data_offsets": [places[name], end],
        }
    told = json.dumps(head).encode()
    told += b" " * (-len(told) % _SIZE_BYTES)
    first = _SIZE_BYTES + len(told)
    with path.open("wb") as file:
        file.write(len(told).to_bytes(_SIZE_BYTES, "little") + told)
        file.truncate(first + end)
    return {
        name: np.memmap(path, np.dtype("<f2"), "r+", first + places[name], shape)
        for name, shape in shapes.items()
    }
