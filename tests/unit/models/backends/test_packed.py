"""One behind the other texts are read as each by itself."""

import random

import numpy as np
import pytest
import torch

from models.backends.attention import fused_attention
from models.backends.packed import CannotPack, PackedBackend
from models.backends.torch_backend import TorchBackend
from models.directories import resolve
from models.encoder import Pooling, TwoHeadEncoder, empty_backbone
from models.loading import load_network
from tests.unit.models.tiny import CONFIGS

LIMIT_TOKENS = 64


def texts(vocabulary: int, longest: int, count: int = 60) -> list[list[int]]:
    made = random.Random(3)
    lengths = [1, 2, longest, *(made.randint(1, longest) for _ in range(count))]
    return [[made.randrange(vocabulary) for _ in range(length)] for length in lengths]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_bundled_models_answer_as_by_length(language: str) -> None:
    network = load_network(resolve(f"bundled:{language}"))[1]
    tokens = texts(5_000, LIMIT_TOKENS, 20)
    packed = PackedBackend(network, "cpu", 512, LIMIT_TOKENS).logits(tokens)
    by_length = TorchBackend(network, "cpu", 512).logits(tokens)
    for found, expected in zip(packed, by_length, strict=True):
        assert np.abs(found - expected).max() < 1e-5


def tiny(pooling: Pooling, model_type: str = "bert") -> TwoHeadEncoder:
    torch.manual_seed(1)
    backbone, hidden = empty_backbone(CONFIGS[model_type])
    return TwoHeadEncoder(backbone, hidden, pooling, ("credit", "fraud")).eval()


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_either_pooling_and_a_text_without_tokens(pooling: Pooling) -> None:
    network = tiny(pooling)
    tokens = texts(20, 30)
    packed, by_length = PackedBackend(network, "cpu", 64, 40), TorchBackend(network, "cpu", 64)
    for found, expected in zip(packed.logits(tokens), by_length.logits(tokens), strict=True):
        assert np.abs(found - expected).max() < 1e-5
    beside = packed.logits([tokens[0], [], tokens[2]])
    for found, alone in zip(beside, packed.logits([[]]), strict=True):
        assert np.isfinite(found).all()
        assert np.array_equal(found[1], alone[0])


def test_topics_too_are_the_same_to_the_last_bit_beside_any_texts() -> None:
    backend = PackedBackend(tiny("mean"), "cpu", 100, 40)
    tokens = texts(20, 30)
    alone = np.vstack([backend.logits([ids])[1] for ids in tokens])
    assert np.array_equal(backend.logits(tokens)[1], alone)


def test_another_kind_of_backbone_is_refused() -> None:
    with pytest.raises(CannotPack, match="not a BERT"):
        PackedBackend(tiny("mean", "roberta"), "cpu", 64, 40)


def test_a_cpu_has_no_fused_attention() -> None:
    assert fused_attention(torch.device("cpu"), 2, 8) is None
