"""Batches on a device whose memory ends: every text is answered once, whatever happens."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.backends.packed_runs import answered, warm_up
from models.backends.token_budget import TokenBudget


class Small:
    """A device that answers with sums and holds `memory` tokens, running and loaded together."""

    def __init__(self, memory: int, failing_loads: Sequence[int] = ()) -> None:
        self.memory = memory
        self.steps: list[str] = []
        self.runs: list[int] = []
        self._failing_loads = set(failing_loads)
        self._loads = 0

    def load(self, tokens: Sequence[list[int]]) -> list[list[int]]:
        self._loads += 1
        self.steps.append("load")
        if self._loads in self._failing_loads:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(tokens)

    def start(self, batch: list[list[int]]) -> torch.Tensor:
        self.steps.append("start")
        if sum(len(ids) for ids in batch) > self.memory:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.runs.append(sum(len(ids) for ids in batch))
        return torch.tensor([[float(sum(ids))] for ids in batch])

    def fetch(self, answers: torch.Tensor) -> NDArray[np.float32]:
        self.steps.append("fetch")
        return answers.numpy()

    def release(self) -> None:
        self.steps.append("release")


def sums(device: Small, tokens: Sequence[list[int]], budget: TokenBudget) -> list[float]:
    found = [list[float]() for _ in tokens]
    for rows, answers in answered(device, tokens, budget):
        for row, answer in zip(rows, answers, strict=True):
            found[row].append(float(answer[0]))
    assert all(len(answers) == 1 for answers in found)
    return [answers[0] for answers in found]


@given(
    lengths=st.lists(st.integers(1, 10), max_size=40),
    first=st.integers(1, 200),
    memory=st.integers(10, 200),
)
def test_every_text_is_answered_once_when_memory_ends(
    lengths: list[int], first: int, memory: int
) -> None:
    tokens = [[number] * length for number, length in enumerate(lengths)]
    device = Small(memory)
    found = sums(device, tokens, TokenBudget(first, least=1, most=first))
    assert found == [float(sum(ids)) for ids in tokens]
    assert sum(device.runs) == sum(lengths)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_memory_that_ends_while_a_batch_is_loaded_loses_none(failing: int) -> None:
    tokens = [[number] * 10 for number in range(9)]
    device = Small(100, [failing])
    budget = TokenBudget(40, least=10, most=40)
    assert sums(device, tokens, budget) == [10.0 * number for number in range(9)]
    assert budget.tokens == 20


def test_the_next_batch_is_loaded_while_one_runs() -> None:
    device = Small(100)
    sums(device, [[1] * 10] * 5, TokenBudget(20, least=10, most=20))
    each = ["start", "load", "fetch"]
    assert device.steps == ["load", *each, *each, "start", "fetch"]


def test_memory_is_given_back_before_smaller_batches_are_run() -> None:
    device = Small(25)
    budget = TokenBudget(40, least=10, most=40)
    assert sums(device, [[1] * 10] * 8, budget) == [10.0] * 8
    assert device.steps[:4] == ["load", "start", "release", "load"]
    assert device.runs == [20, 20, 20, 20]
    assert budget.tokens == 20


def test_one_text_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        sums(Small(9), [[1] * 10], TokenBudget(40, least=10, most=40))


@pytest.mark.parametrize(("memory", "tokens"), [(1_000, 409), (10_000, 4_096)])
def test_warming_up_finds_what_fits(memory: int, tokens: int) -> None:
    device = Small(memory)
    budget = TokenBudget(64, least=30, most=4_096)
    warm_up(device, budget, 30)
    assert budget.tokens == tokens
    assert device.runs == [64 << step for step in range(len(device.runs))]
    assert device.runs[-1] <= memory < 2 * device.runs[-1] or device.runs[-1] == 4_096


def test_a_device_that_holds_no_text_is_told_at_the_start() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        warm_up(Small(20), TokenBudget(64, least=30, most=4_096), 30)
