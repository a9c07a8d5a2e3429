"""What every backend keeps: torch's labels, the order, and that no text minds its neighbours."""

import random
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from models.backends.openvino_backend import OpenVinoBackend, export
from models.backends.options import PRECISIONS
from models.backends.packed import PackedBackend
from models.backends.protocol import Backend
from models.backends.torch_backend import TorchBackend
from models.directories import resolve
from models.encoder import TwoHeadEncoder
from models.loading import load_network, open_tokenizer

TEXTS = [
    "Shares plunge after the bank discloses a fraud investigation",
    "Profit soars",
    "The annual meeting will be held on 4 May",
    "Rating cut, then default, then " + "more trouble " * 40,
    "",
]
MAX_TOKENS, THREADS = 32, 1
CAPABILITIES = ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
_INFO = Path("/proc/cpuinfo")
FLAGS = _INFO.read_text() if _INFO.is_file() else ""


@pytest.fixture(scope="module")
def tokens() -> list[list[int]]:
    _, _, tokenizer = load_network(resolve("bundled:en"))
    found = open_tokenizer(tokenizer, MAX_TOKENS)
    return [item.ids for item in found.encode_batch_fast(TEXTS)]


@pytest.fixture(scope="module")
def network() -> TwoHeadEncoder:
    return load_network(resolve("bundled:en"))[1]


@pytest.fixture(scope="module", params=["torch", "packed", *PRECISIONS])
def backend(
    request: pytest.FixtureRequest,
    network: TwoHeadEncoder,
    tmp_path_factory: pytest.TempPathFactory,
) -> Backend:
    if request.param == "torch":
        return TorchBackend(network, "cpu", 256)
    if request.param == "packed":
        return PackedBackend(network, "cpu", 256, MAX_TOKENS)
    if request.param == "bf16" and "BF16" not in CAPABILITIES:
        pytest.skip("this CPU has no bfloat16: it is not offered here")
    if request.param == "int8" and not any(flag in FLAGS for flag in ("avx512_vnni", "avx_vnni")):
        pytest.skip("this CPU has no VNNI: measuring decides whether eight bits are offered")
    path: Path = tmp_path_factory.mktemp("exported") / "model.xml"
    export(network, path)
    return OpenVinoBackend(path, request.param, 256, THREADS)


def test_labels_are_those_of_the_network_itself(
    backend: Backend, network: TwoHeadEncoder, tokens: list[list[int]]
) -> None:
    expected, expected_topics = TorchBackend(network, "cpu", 10_000).logits(tokens)
    sentiment, topics = backend.logits(tokens)
    assert sentiment.argmax(-1).tolist() == expected.argmax(-1).tolist()
    assert np.allclose(sentiment, expected, atol=0.3)
    assert ((topics > 0) == (expected_topics > 0)).mean() > 0.97


def test_a_text_does_not_mind_the_texts_beside_it(
    backend: Backend, tokens: list[list[int]]
) -> None:
    alone = np.vstack([backend.logits([ids])[0] for ids in tokens])
    order = list(range(len(tokens))) * 9
    random.Random(1).shuffle(order)
    together, _ = backend.logits([tokens[index] for index in order])
    assert np.array_equal(together, alone[order])


def test_no_texts_no_logits(backend: Backend) -> None:
    sentiment, topics = backend.logits([])
    assert sentiment.shape == (0, 3)
    assert topics.shape == (0, 17)


def test_single_precision_is_not_called_bfloat16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OlderCpu:
        def get_property(self, device: str, name: str) -> list[str]:
            return ["FP32", "INT8"]

    monkeypatch.setattr(ov, "Core", OlderCpu)
    with pytest.raises(RuntimeError, match="no bfloat16"):
        OpenVinoBackend(tmp_path / "model.xml", "bf16", 256, THREADS)
