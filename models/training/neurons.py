"""A student with narrower feed-forward layers: which neurons stay, and what makes up for the rest.

Neurons go as in the optimal brain surgeon (Hassibi and Stork 1993), whole columns at a time (Kurtic
et al. 2023, "ZipLM"): first those whose loss the others can make up for best.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.encoder import TwoHeadEncoder, padded
from models.training.layers import layers_of

TEXTS, BATCH_TEXTS = 1_024, 32
ROWS_A_BATCH = 512
"""Of tokens whose activations are looked at, about."""
DAMPING = 0.01
"""Share of the mean square of the activations that is added to each one's."""
AT_ONCE = 16
"""Neurons that go before the others are weighed anew."""


def neuron_count(network: TwoHeadEncoder) -> int:
    """How many neurons each feed-forward layer has."""
    return _products(layers_of(network)[0])[1].in_features


@torch.no_grad()
def keep_neurons(network: TwoHeadEncoder, count: int, tokens: Sequence[list[int]]) -> None:
    """Leave each feed-forward layer `count` of its neurons, in place.

    Those stay, and the weights behind them change, such that what the layer says of `tokens`, of
    which the first `TEXTS` are read, changes least.
    """
    layers = layers_of(network)
    moments = _moments(network, [_products(layer)[1] for layer in layers], tokens[:TEXTS])
    for layer, moment in zip(layers, moments, strict=True):
        into, out_of = _products(layer)
        kept, weight, bias = without_neurons(out_of.weight, out_of.bias, moment, count)
        _resize(into, into.weight[kept], into.bias[kept])
        _resize(out_of, weight, bias)
    config = cast("Any", network.backbone).config
    setattr(config, "hidden_dim" if hasattr(config, "hidden_dim") else "intermediate_size", count)


def without_neurons(
    weight: Tensor, bias: Tensor, moment: Tensor, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` neurons that are kept, in their order, and the product behind them: its weight
    (outputs, count) and bias (outputs,), such that it changes least in the mean square.

    `weight` is (outputs, neurons); `moment` is the mean product of each two activations, (neurons +
    1, neurons + 1), where the last activation is always one.
    """
    neurons = weight.shape[1]
    whole = torch.cat([weight, bias[:, None]], 1).double()
    moment = moment.double().clone()
    moment.diagonal()[:neurons].add_(DAMPING * moment.diagonal()[:neurons].mean())
    inverse = torch.linalg.inv(moment)
    left = torch.ones(neurons, dtype=torch.bool)
    while (more := int(left.sum()) - count) > 0:
        cost = whole[:, :neurons].square().sum(0) / inverse.diagonal()[:neurons].clamp(min=1e-12)
        gone = cost.masked_fill(~left, torch.inf).argsort()[: min(AT_ONCE, more)]
        made_up = torch.linalg.solve(inverse[gone][:, gone], inverse[gone])
        whole -= whole[:, gone] @ made_up
        inverse -= inverse[:, gone] @ made_up
        left[gone] = False
    kept = left.nonzero().squeeze(1)
    return kept, whole[:, kept].to(weight.dtype), whole[:, -1].to(bias.dtype)


def _products(layer: Any) -> tuple[nn.Linear, nn.Linear]:
    """What leads into the neurons of a layer, and what leads out of them."""
    if hasattr(layer, "ffn"):
        return layer.ffn.lin1, layer.ffn.lin2
    return layer.intermediate.dense, layer.output.dense


def _moments(
    network: TwoHeadEncoder, products: Sequence[nn.Linear], tokens: Sequence[list[int]]
) -> list[Tensor]:
    """The mean product of each two of what goes into a product, and of one, for each."""
    sums = [torch.zeros(product.in_features + 1, product.in_features + 1) for product in products]
    rows_seen = [0] * len(products)
    network.eval()

    def watch(number: int) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            rows = inputs[0].reshape(-1, inputs[0].shape[-1]).float()
            rows = rows[:: max(1, len(rows) // ROWS_A_BATCH)]
            rows = torch.cat([rows, torch.ones(len(rows), 1)], 1)
            sums[number].addmm_(rows.T, rows)
            rows_seen[number] += len(rows)

        return hook

    hooks = [
        product.register_forward_pre_hook(watch(number)) for number, product in enumerate(products)
    ]
    # Of like length, so that hardly any of the rows are padding.
    order = sorted(tokens, key=len)
    for start in range(0, len(order), BATCH_TEXTS):
        network(*padded(order[start : start + BATCH_TEXTS]))
    for hook in hooks:
        hook.remove()
    return [total / rows for total, rows in zip(sums, rows_seen, strict=True)]


def _resize(product: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    product.out_features, product.in_features = weight.shape
    product.weight = nn.Parameter(weight.contiguous())
    product.bias = nn.Parameter(bias.contiguous())
