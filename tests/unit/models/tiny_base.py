"""An encoder that is small enough to be trained in a test."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

from models.companies import COMPANY_MARK
from models.manifest import Base
from models.training.start import Start, from_base

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789亏盈损利"


def tiny_base(folder: Path, layers: int = 1) -> Start:
    """Write a BERT of few layers, 32 wide, that reads letter by letter, and start from it."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces = ["[PAD]", COMPANY_MARK, "[UNK]", "[CLS]", "[SEP]", "profit", "loss", "soars", "falls"]
    pieces += [*LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=50))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    torch.manual_seed(1)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder, safe_serialization=True)
    return from_base(Base(name="tiny", licence="none", package="", sha256=""), "mean", folder)
