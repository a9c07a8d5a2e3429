"""Operations counted by hand."""

from pathlib import Path

from models.directories import BUNDLED
from monitor.bench.flops import encoder_config, encoder_flops
from tests.unit.models.tiny import CONFIGS, write_tiny
from tests.unit.monitor.bench.made import write_linear


def test_a_text_of_three_tokens_counted_by_hand() -> None:
    # Hidden 16, inner 32, one layer. Four projections of 16 x 16 and two of 16 x 32 are 2,048
    # multiplications with addition a token; scores and their sum over 3 tokens are 2 x 3 x 16.
    by_hand = 3 * 2 * (4 * 16 * 16 + 2 * 16 * 32) + 3 * 2 * (2 * 3 * 16)
    assert encoder_flops(CONFIGS["bert"], [3]) == by_hand == 12_864
    assert encoder_flops(CONFIGS["distilbert"], [3]) == by_hand
    # Its embedding of 8 is brought to 16 first.
    assert encoder_flops(CONFIGS["electra"], [3]) == by_hand + 3 * 2 * 8 * 16


def test_texts_add_up_and_layers_multiply() -> None:
    one = encoder_flops(CONFIGS["bert"], [5])
    assert encoder_flops(CONFIGS["bert"], [5, 5, 5]) == 3 * one
    assert encoder_flops({**CONFIGS["bert"], "num_hidden_layers": 4}, [5]) == 4 * one
    assert encoder_flops(CONFIGS["bert"], []) == 0


def test_the_configuration_is_the_encoders(tmp_path: Path) -> None:
    write_tiny(tmp_path / "tiny")
    write_linear(tmp_path / "linear")
    assert (encoder_config(str(tmp_path / "tiny")) or {})["hidden_size"] == 16
    assert (encoder_config(str(BUNDLED / "zh")) or {})["num_hidden_layers"] == 4
    assert encoder_config(str(tmp_path / "linear")) is None
    assert encoder_config("someone/classifier") is None
