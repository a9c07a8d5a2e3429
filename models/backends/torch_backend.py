"""A network run by torch, on a CPU or a GPU."""

from collections.abc import Sequence

import numpy as np
import torch

from models.backends.protocol import Logits
from models.batching import cut_batches
from models.encoder import TwoHeadEncoder, padded

LEAST_ROWS = 2
"""Of one row alone torch takes another product of matrices, which rounds otherwise."""


class TorchBackend:
    """Single precision on a CPU, bfloat16 on a GPU that has it."""

    def __init__(self, network: TwoHeadEncoder, device: str, batch_tokens: int) -> None:
        self._device = torch.device(device)
        self._half = self._device.type == "cuda" and torch.cuda.is_bf16_supported()
        self._network = network.eval().to(self._device)
        self._budget_tokens = batch_tokens
        self.name = f"torch {self._device} {'bf16' if self._half else 'f32'}"

    @torch.inference_mode()
    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        sentiment = np.zeros((len(tokens), self._network.sentiment.out_features), dtype=np.float32)
        topics = np.zeros((len(tokens), self._network.topics.out_features), dtype=np.float32)
        lengths = [len(ids) for ids in tokens]
        for batch in cut_batches(lengths, self._budget_tokens):
            rows = list(batch.indices)
            filled = rows + rows[:1] * (LEAST_ROWS - len(rows))
            input_ids, mask = padded([tokens[row] for row in filled], batch.width)
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
                found = self._network(input_ids.to(self._device), mask.to(self._device))
            sentiment[rows], topics[rows] = (
                part.float().cpu().numpy()[: len(rows)] for part in found
            )
        return sentiment, topics
