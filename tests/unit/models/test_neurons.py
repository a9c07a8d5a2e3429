"""Feed-forward layers with fewer neurons: which go, and what makes up for them."""

import json
from pathlib import Path

import pytest
import torch

from models.encoder import TwoHeadEncoder, empty_backbone, padded
from models.training.layers import copy_config
from models.training.neurons import DAMPING, keep_neurons, neuron_count, without_neurons
from tests.unit.models.tiny import CONFIGS


def _moment(activations: torch.Tensor) -> torch.Tensor:
    rows = torch.cat([activations, torch.ones(len(activations), 1)], 1).double()
    return rows.T @ rows / len(rows)


def test_neurons_that_others_can_stand_for_go_first() -> None:
    torch.manual_seed(0)
    own = torch.randn(500, 6).relu()
    # Two that are sums of others, one that is always the same: none of them is needed.
    activations = torch.cat([own, own[:, :1] + own[:, 1:2], 2 * own[:, 2:3], own[:, :1] * 0 + 3], 1)
    weight, bias = torch.randn(4, 9), torch.randn(4)
    kept, narrow, shifted = without_neurons(weight, bias, _moment(activations), 6)
    wanted = activations @ weight.T + bias
    error = (activations[:, kept] @ narrow.T + shifted - wanted).square().mean()
    left_out = (activations[:, :6] @ weight[:, :6].T + bias - wanted).square().mean()
    assert 8 not in kept and kept.tolist() == sorted(kept.tolist())
    assert error < left_out / 1000


def test_what_stays_makes_up_for_what_went_as_well_as_it_can() -> None:
    torch.manual_seed(1)
    activations = torch.randn(400, 24) @ torch.randn(24, 24)
    weight, bias = torch.randn(5, 24), torch.randn(5)
    moment = _moment(activations)
    kept, narrow, shifted = without_neurons(weight, bias, moment, 10)
    damped = moment.clone()
    damped.diagonal()[:24] += DAMPING * moment.diagonal()[:24].mean()
    stays = [*kept.tolist(), 24]
    gone = [number for number in range(24) if number not in stays]
    whole = torch.cat([weight, bias[:, None]], 1).double()
    best = whole[:, stays] + whole[:, gone] @ damped[gone][:, stays] @ torch.linalg.inv(
        damped[stays][:, stays]
    )
    found = torch.cat([narrow, shifted[:, None]], 1)
    assert torch.allclose(found.double(), best, atol=1e-4)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("model_type", CONFIGS)
def test_encoders_of_all_types_lose_neurons(tmp_path: Path, model_type: str, pooling: str) -> None:
    config = {**CONFIGS[model_type], "initializer_range": 0.3}
    torch.manual_seed(0)
    network = TwoHeadEncoder(*empty_backbone(config), "cls" if pooling == "cls" else "mean").eval()
    tokens = [[2, *torch.randint(6, 20, (4,)).tolist(), 3] for _ in range(200)]
    before = network.pooled(*padded(tokens))
    assert neuron_count(network) == 32
    keep_neurons(network, 20, tokens)
    assert neuron_count(network) == 20
    after = network.pooled(*padded(tokens))
    assert 0 < (after - before).square().mean() < 0.05 * before.square().mean()
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    copy_config(tmp_path / "config.json", tmp_path / "cut.json", 1, 20)
    cut = json.loads((tmp_path / "cut.json").read_text(encoding="utf-8"))
    other = TwoHeadEncoder(*empty_backbone(cut), network.pooling).eval()
    other.load_state_dict(network.state_dict())
    assert torch.allclose(other.pooled(*padded(tokens)), after, atol=1e-6)
