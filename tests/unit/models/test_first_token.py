"""The last layer for the first token alone says what the whole of it says."""

import pytest
import torch

from models.encoder import TwoHeadEncoder, empty_backbone, padded
from models.first_token import can_narrow
from tests.unit.models.tiny import CONFIGS

DEEP = {"num_hidden_layers": 3, "initializer_range": 0.3}
TEXTS = [[2, 7, 8, 9, 10, 3], [2, 3], [2, 11, 12, 3]]


def _network(model_type: str, layers: int = 3) -> TwoHeadEncoder:
    torch.manual_seed(0)
    config = {**CONFIGS[model_type], **DEEP, "num_hidden_layers": layers}
    return TwoHeadEncoder(*empty_backbone(config), "cls").eval()


@pytest.mark.parametrize("layers", [1, 3])
def test_vectors_and_gradients_are_those_of_the_whole_layer(layers: int) -> None:
    network = _network("bert", layers)
    assert can_narrow(network.backbone)
    input_ids, mask = padded(TEXTS)
    pull = torch.randn(3, 16)

    def gradients() -> dict[str, torch.Tensor]:
        found = {
            name: parameter.grad.clone()
            for name, parameter in network.backbone.named_parameters()
            if parameter.grad is not None
        }
        network.zero_grad(set_to_none=True)
        return found

    states = network.backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state
    (states[:, 0] * pull).sum().backward()
    wanted = gradients()
    pooled = network.pooled(input_ids, mask)
    (pooled * pull).sum().backward()
    found = gradients()
    assert torch.allclose(pooled, states[:, 0], atol=1e-6)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        assert torch.allclose(found[name], gradient, atol=1e-5), name


def test_padding_changes_nothing() -> None:
    network = _network("bert")
    together = network.pooled(*padded(TEXTS, width=20))
    for row, ids in enumerate(TEXTS):
        assert torch.allclose(network.pooled(*padded([ids]))[0], together[row], atol=1e-6)


def test_encoders_of_other_types_run_whole() -> None:
    network = _network("electra")
    assert not can_narrow(network.backbone)
    input_ids, mask = padded(TEXTS)
    states = network.backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state
    assert torch.equal(network.pooled(input_ids, mask), states[:, 0])
