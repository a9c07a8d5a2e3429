from pathlib import Path

import pytest

from models.loading import open_tokenizer
from models.training.examples import Example
from models.training.lengths import tokens_to_read
from tests.unit.models.tiny_base import tiny_base


@pytest.mark.parametrize(
    ("words", "least", "expected"),
    [(3, 8, 32), (3, 40, 40), (40, 8, 62)],
    ids=["what the texts need", "no less than asked for", "no more than the encoder reads"],
)
def test_a_model_reads_what_its_texts_need(
    tmp_path: Path, words: int, least: int, expected: int
) -> None:
    network, tokenizer, _ = tiny_base(tmp_path).open(("credit",))
    texts = [Example("loss " * words, "negative", None, "en") for _ in range(20)]
    texts.append(Example("loss " * 10_000, "negative", None, "en"))
    found = tokens_to_read(open_tokenizer(tokenizer, least), network.backbone, texts, least)
    assert found == expected
