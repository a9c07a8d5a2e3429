"""What is reckoned from laps, and a whole short run."""

from dataclasses import asdict
from pathlib import Path

from monitor.bench.rounds import Lap
from monitor.bench.scoring import measure_scoring, padding_waste, peak_shares
from tests.unit.models.tiny import CONFIGS, LESSONS, write_tiny
from tests.unit.monitor.bench.made import write_linear


def test_no_text_is_padded_whatever_it_is_batched_with() -> None:
    assert padding_waste([[12, 6, 12], [10, 7]]) == 0
    assert padding_waste([]) == 0


def test_a_text_without_tokens_is_given_one() -> None:
    assert padding_waste([[0, 3]]) == 0.25


def test_a_share_of_the_peak_is_operations_by_operations() -> None:
    # 12,864 operations a text of three tokens, counted by hand in test_flops.
    laps = [Lap(2, 0.5), Lap(1, 0.25), Lap(1, 9.0)]
    shares = peak_shares(
        CONFIGS["bert"], [[3, 3], [3], [3]], laps, {"single": 102_912.0, "bfloat16": 514_560.0}
    )
    assert shares == {"single": 0.5, "bfloat16": 0.1}
    assert peak_shares(None, [[3]], laps[:1], {"single": 1.0}) is None


def test_a_run_on_a_tiny_model(tmp_path: Path) -> None:
    write_tiny(tmp_path / "tiny")
    found = measure_scoring(str(tmp_path / "tiny"), "en", list(LESSONS), "cpu", 1.0)
    assert found.label_agreement is not None and found.label_agreement >= 0.99
    assert found.texts == len(LESSONS) and found.model.startswith("tiny@")
    # A token and the marks of beginning and end are in each text, and its number.
    assert found.tokens_per_second >= 4 * found.texts_per_second
    assert found.peak_shares is not None
    assert found.peak_share == min(found.peak_shares.values())


def test_a_run_on_a_linear_model(tmp_path: Path) -> None:
    write_linear(tmp_path / "linear")
    found = asdict(measure_scoring(str(tmp_path / "linear"), "en", list(LESSONS), "cpu", 1.0))
    without = [name for name, value in found.items() if value is None]
    assert without == [
        "ratio_pipeline_1", "ratio_pipeline_32", "peak_share", "peak_shares", "label_agreement",
        "backend",
    ]  # fmt: skip
