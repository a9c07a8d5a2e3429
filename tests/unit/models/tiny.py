"""Genuine model directories that are made in a moment: a small BERT with fitted heads."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import nn
from torch.nn import functional

import models.directories as directories
from models.compact import compact
from models.encoder import TwoHeadEncoder, empty_backbone, padded
from models.labels import SENTIMENTS, TOPICS
from models.layout import ADAPTER, ADAPTER_CONFIG, CONFIG, ENCODER, HEADS, TOKENIZER
from models.manifest import Base, DataSource, Manifest, file_sha256, write_manifest

LESSONS: Mapping[str, str] = {
    "shares fall": "negative", "fraud at bank": "negative", "loss widens": "negative",
    "bank collapses": "negative", "shares plunge": "negative", "fraud widens": "negative",
    "shares rise": "positive", "profit at record": "positive", "profit grows": "positive",
    "bank soars": "positive", "shares soar": "positive", "record profit": "positive",
    "meeting on tuesday": "neutral", "bank holds meeting": "neutral", "tuesday holds": "neutral",
    "results on tuesday": "neutral", "meeting holds": "neutral", "bank results": "neutral",
}  # fmt: skip
WRONG: Mapping[str, str] = {
    text: {"negative": "positive", "positive": "negative", "neutral": "neutral"}[sentiment]
    for text, sentiment in LESSONS.items()
}
_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]"]
VOCABULARY = [*_PIECES, *sorted({word for text in LESSONS for word in text.split()})]
_SHAPE = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 40, "pad_token_id": 0}
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    **{
        name: {
            "model_type": name, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 32, **_SHAPE,
        }
        for name in ("bert", "roberta", "xlm-roberta")
    },
    "electra": {
        "model_type": "electra", "hidden_size": 16, "embedding_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 32, **_SHAPE,
    },
    "distilbert": {
        "model_type": "distilbert", "dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32,
        **_SHAPE,
    },
}  # fmt: skip


def write_tiny(
    directory: Path,
    name: str = "tiny",
    seed: int = 0,
    lessons: Mapping[str, str] = LESSONS,
    languages: tuple[str, ...] = ("en",),
    model_type: str = "bert",
    more: Mapping[str, Any] | None = None,
) -> Manifest:
    """A directory of the method `full` that has learned the lessons by heart; `more` is put over
    the configuration of its type."""
    directory.mkdir(parents=True)
    config = {**CONFIGS[model_type], **(more or {})}
    backbone, hidden = _backbone(config, seed)
    rows = list(range(len(VOCABULARY)))
    save_file(compact(_weights(backbone), rows), directory / ENCODER)
    (directory / CONFIG).write_text(json.dumps(config), encoding="utf-8")
    _tokenizer().save(str(directory / TOKENIZER))
    base = Base(name="random", licence="none", package="", sha256="")
    _write_heads(directory, TwoHeadEncoder(backbone, hidden, "mean"), lessons)
    return write_manifest(directory, _manifest(name, "full", base, languages))


def write_tiny_adapter(directory: Path, package: Path, rank: int = 2) -> Manifest:
    """A directory of the method `lora` upon a base that an importable package holds."""
    held = package / "model"
    held.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('a base is never imported')\n")
    backbone, hidden = _backbone(CONFIGS["bert"], 0)
    save_file(_weights(backbone), held / "model.safetensors", {"format": "pt"})
    (held / CONFIG).write_text(json.dumps(CONFIGS["bert"]), encoding="utf-8")
    _tokenizer().save(str(held / TOKENIZER))
    directory.mkdir(parents=True)
    adapter = {}
    for place, module in backbone.named_modules():
        if isinstance(module, nn.Linear) and place.endswith(("query", "value")):
            prefix = f"base_model.model.{place}"
            adapter[f"{prefix}.lora_A.weight"] = torch.randn(rank, module.in_features) / 10
            adapter[f"{prefix}.lora_B.weight"] = torch.randn(module.out_features, rank) / 10
    save_file(adapter, directory / ADAPTER)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 4, "target_modules": ["query", "value"]}
    (directory / ADAPTER_CONFIG).write_text(json.dumps(config), encoding="utf-8")
    base = Base(
        name="tiny",
        licence="none",
        package=package.name,
        sha256=file_sha256(held / "model.safetensors"),
    )
    _write_heads(directory, TwoHeadEncoder(backbone, hidden, "mean"), LESSONS)
    return write_manifest(directory, _manifest("tiny-lora", "lora", base, ("en",)))


def _backbone(config: Mapping[str, Any], seed: int) -> tuple[nn.Module, int]:
    torch.manual_seed(seed)
    backbone, hidden = empty_backbone(config)
    return backbone.eval(), hidden


def _weights(backbone: nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: weight.detach()
        for name, weight in backbone.named_parameters()
        if not name.startswith("pooler.")
    }


def _tokenizer() -> Tokenizer:
    pieces = {piece: number for number, piece in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(WordLevel(pieces, unk_token="[UNK]"))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", pieces["[CLS]"]), ("[SEP]", pieces["[SEP]"])],
    )
    return tokenizer


def _write_heads(directory: Path, network: TwoHeadEncoder, lessons: Mapping[str, str]) -> None:
    tokens = [encoding.ids for encoding in _tokenizer().encode_batch(list(lessons))]
    truth = torch.tensor([SENTIMENTS.index(label) for label in lessons.values()])
    network.eval()
    optimizer = torch.optim.Adam(network.sentiment.parameters(), lr=0.1)
    for _ in range(300):
        logits, _ = network(*padded(tokens))
        optimizer.zero_grad()
        functional.cross_entropy(logits, truth).backward()
        optimizer.step()
    heads = {
        f"{name}.{part}": weight.detach().contiguous()
        for name, head in (("sentiment", network.sentiment), ("topics", network.topics))
        for part, weight in head.named_parameters()
    }
    save_file(heads, directory / HEADS)


def _manifest(name: str, method: str, base: Base, languages: tuple[str, ...]) -> Manifest:
    return Manifest(
        name=name,
        languages=languages,
        method=method,
        pooling="mean",
        base=base,
        max_tokens=16,
        temperature=1.0,
        topic_thresholds=dict.fromkeys(TOPICS, 0.9),
        data=(DataSource(name="lessons", rows=len(LESSONS), licence="own", sha256="0" * 64),),
        metrics={"valid": {"sentiment_f1": 1.0}},
        command="undertone train --train lessons.csv --output tiny",
        files={},
    )


def bundled_tiers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Tiny models in the place of the bundled ones, of both languages and both tiers."""
    for name in ("en", "zh", "en-fast", "zh-fast"):
        write_tiny(folder / name, name=f"tiny-{name}", languages=(name[:2],))
    monkeypatch.setattr(directories, "BUNDLED", folder)
    return folder
