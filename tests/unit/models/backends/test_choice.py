"""Which backend is taken: the fastest of those that agree."""

from pathlib import Path

import numpy as np

from models.backends.choice import Choice, Measured, fastest, measure, read_choice, write_choice
from models.backends.protocol import Logits


def test_the_fastest_that_agrees_is_taken() -> None:
    slow, quick, wrong = Measured(100, 1.0), Measured(300, 0.995), Measured(900, 0.99)
    assert fastest({"torch": slow, "a": quick, "b": wrong}) == "a"
    assert fastest({"torch": slow, "b": wrong}) == "torch"


def test_what_is_measured_is_the_best_time_and_the_agreement_with_the_first() -> None:
    ticks = iter([0.0, 4.0, 0.0, 1.0, 0.0, 2.0, 0.0, 3.0])
    answer: Logits = (np.zeros((8, 3), np.float32), np.zeros((8, 1), np.float32))
    other: Logits = (np.ones((8, 3), np.float32), np.zeros((8, 1), np.float32))
    found = measure(
        {"torch": lambda: answer, "other": lambda: other},
        lambda one, two: float(one[0] is two[0]),
        8,
        lambda: next(ticks),
    )
    assert found == {"torch": Measured(4.0, 1.0), "other": Measured(8.0, 0.0)}


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
