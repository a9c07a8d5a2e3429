"""Which backend is taken: the fastest of those that agree."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.backends.choice import Choice, Measured, fastest, measure, read_choice, write_choice
from models.backends.protocol import Logits


class Answering:
    """A backend with one answer a text, other ones among others, or none."""

    name = "answering"

    def __init__(self, value: float, drift: float = 0.0, broken: bool = False) -> None:
        self.value, self.drift, self.broken = value, drift, broken

    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        if self.broken:
            raise RuntimeError("first line\nno such product")
        value = self.value + self.drift * len(tokens)
        return np.full((len(tokens), 3), value, np.float32), np.zeros((len(tokens), 1), np.float32)


def test_the_fastest_without_a_problem_is_taken() -> None:
    slow, quick, wrong = Measured(100, 1.0), Measured(300, 0.995), Measured(900, 0.99, "wrong")
    assert fastest({"torch": slow, "a": quick, "b": wrong}) == "a"
    assert fastest({"torch": slow, "b": wrong}) == "torch"
    assert fastest({"torch": wrong}) == "torch"


def test_the_best_time_counts_and_what_is_amiss_is_told() -> None:
    ticks = iter([0.0, 4.0, 0.0, 2.0, 0.0, 1.0, 0.0, 3.0, 0.0, 1.0, 0.0, 1.0])
    found = measure(
        {
            "torch": lambda: Answering(0.0),
            "other": lambda: Answering(1.0),
            "unsteady": lambda: Answering(0.0, drift=0.01),
            "broken": lambda: Answering(0.0, broken=True),
        },
        [[1]] * 8,
        lambda one, two: float(one[0][0, 0] == round(float(two[0][0, 0]), 0)),
        lambda: next(ticks),
    )
    assert found == {
        "torch": Measured(4.0, 1.0),
        "other": Measured(8.0, 0.0, "only 0.0% of its labels are torch's"),
        "unsteady": Measured(8.0, 1.0, "a score would hang on the texts beside it"),
        "broken": Measured(0.0, 0.0, "cannot run: no such product"),
    }


def test_what_was_measured_is_read_again_only_where_it_holds(tmp_path: Path) -> None:
    from models.manifest import file_sha256

    exported = tmp_path / "model.bin"
    exported.write_bytes(b"weights")
    files = {"model.bin": file_sha256(exported)}
    choice = Choice("this cpu", "en@1", {"torch": Measured(9, 1)}, files)
    assert read_choice(tmp_path, "this cpu", "en@1") is None
    write_choice(tmp_path, choice)
    assert read_choice(tmp_path, "this cpu", "en@1") == choice
    assert read_choice(tmp_path, "another cpu", "en@1") is None
    assert read_choice(tmp_path, "this cpu", "en@2") is None
    exported.write_bytes(b"changed")
    assert read_choice(tmp_path, "this cpu", "en@1") is None
    (tmp_path / "choice.json").write_text("{")
    assert read_choice(tmp_path, "this cpu", "en@1") is None
