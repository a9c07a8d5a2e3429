"""A network run by torch: the texts of a batch one behind the other.

Nothing but attention looks from one token at another, so all else runs on (tokens, hidden) as if it
were one text.
"""

import threading
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.backends.attention import Attention, fused_attention, text_by_text
from models.backends.packed_encoder import Packed, PackedEncoder, attention_shape, packed
from models.backends.packed_runs import Device, answered, warm_up
from models.backends.protocol import Logits
from models.backends.token_budget import TokenBudget
from models.encoder import TwoHeadEncoder

MOST_TOKENS = 32_768
"""Of a batch on a GPU; a BERT-base then has work for some 10 ms, which hides all that is around it.
More would only make an article wait longer."""


class CannotPack(Exception):
    """Why a network cannot be run so here."""


class PackedBackend:
    """Single precision on a CPU, bfloat16 on a GPU. Safe to call on several threads."""

    def __init__(
        self, network: TwoHeadEncoder, device: str, batch_tokens: int, max_tokens: int
    ) -> None:
        """On a GPU the budget of tokens is looked for from `batch_tokens` upward.

        Raises CannotPack; torch.OutOfMemoryError where not even the longest text fits.
        """
        shape = attention_shape(network)
        if shape is None:
            raise CannotPack("its backbone is not a BERT")
        place = torch.device(device)
        attention: Attention = text_by_text
        self.name = f"packed {place} f32"
        if place.type == "cuda":
            found = fused_attention(place, *shape)
            if found is None:
                raise CannotPack("no attention over packed texts runs on this GPU")
            self.name, attention = f"packed {place} bf16 ({found[0]})", found[1]
        encoder = PackedEncoder(network, place, attention)
        self._columns = network.sentiment.out_features, network.topics.out_features
        self._device: Device[Packed] = Gpu(encoder, place) if place.type == "cuda" else Cpu(encoder)
        self._one_at_a_time = threading.Lock()
        most = MOST_TOKENS if place.type == "cuda" else batch_tokens
        self.budget = TokenBudget(batch_tokens, max_tokens, max(most, batch_tokens))
        if place.type == "cuda":
            warm_up(self._device, self.budget, max_tokens)

    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        found = np.zeros((len(tokens), sum(self._columns)), dtype=np.float32)
        # A tokenizer that marks neither begin nor end makes no token of an empty text.
        filled = [ids or [0] for ids in tokens]
        with self._one_at_a_time:
            for rows, answers in answered(self._device, filled, self.budget):
                found[list(rows)] = answers
        return found[:, : self._columns[0]], found[:, self._columns[0] :]


class Cpu:
    """Runs batches where they are made."""

    def __init__(self, encoder: PackedEncoder) -> None:
        self._encoder = encoder

    def load(self, tokens: Sequence[list[int]]) -> Packed:
        return packed(tokens)

    @torch.inference_mode()
    def start(self, batch: Packed) -> torch.Tensor:
        return self._encoder(batch)

    def fetch(self, answers: torch.Tensor) -> NDArray[np.float32]:
        return answers.numpy()

    def release(self) -> None:
        """Nothing is kept."""


class Gpu(Cpu):
    """Copies a batch on a stream of its own, from memory that the GPU reads by itself, so that the
    copy runs beside the batch before it."""

    def __init__(self, encoder: PackedEncoder, device: torch.device) -> None:
        super().__init__(encoder)
        self._device = device
        self._copies = torch.cuda.Stream(device)

    def load(self, tokens: Sequence[list[int]]) -> Packed:
        batch = packed(tokens)
        with torch.cuda.stream(self._copies):
            return batch.moved(batch.numbers.pin_memory().to(self._device, non_blocking=True))

    def start(self, batch: Packed) -> torch.Tensor:
        running = torch.cuda.current_stream(self._device)
        running.wait_stream(self._copies)
        # Else the allocator might give its memory to the next copy while it is read here.
        batch.numbers.record_stream(running)
        return super().start(batch)

    def fetch(self, answers: torch.Tensor) -> NDArray[np.float32]:
        return super().fetch(answers.cpu())

    def release(self) -> None:
        torch.cuda.empty_cache()
