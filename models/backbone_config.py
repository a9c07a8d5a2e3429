"""What a model directory's JSON files may say: keys from a list, values within bounds.

A configuration comes with the weights, from whoever made them. Nothing in it may name code, switch
on what was never tried here, or ask for more memory than a machine has.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from models.manifest import ModelError, read_small

MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "distilbert", "electra")
ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu")

Check = Callable[[Any], bool]


def _whole(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


def _number(least: float, most: float) -> Check:
    return lambda value: (
        type(value) in (int, float) and math.isfinite(value) and least <= value <= most
    )


def _one_of(*values: Any) -> Check:
    return lambda value: any(value == known and type(value) is type(known) for known in values)


_DIMENSION = _whole(1, 4_096)
_LAYERS = _whole(1, 48)
_HEADS = _whole(1, 64)
_INNER = _whole(1, 16_384)
_SHARE = _number(0.0, 1.0)
_SWITCH = _one_of(True, False)
_OFF = _one_of(False)

_BACKBONE: Mapping[str, Check] = {
    "model_type": _one_of(*MODEL_TYPES),
    "hidden_size": _DIMENSION,
    "dim": _DIMENSION,
    "embedding_size": _DIMENSION,
    "num_hidden_layers": _LAYERS,
    "n_layers": _LAYERS,
    "num_attention_heads": _HEADS,
    "n_heads": _HEADS,
    "intermediate_size": _INNER,
    "hidden_dim": _INNER,
    "vocab_size": _whole(1, 1_000_000),
    "max_position_embeddings": _whole(8, 8_192),
    "type_vocab_size": _whole(1, 16),
    "hidden_act": _one_of(*ACTIVATIONS),
    "activation": _one_of(*ACTIVATIONS),
    "layer_norm_eps": _number(1e-15, 1e-2),
    "initializer_range": _number(0.0, 1.0),
    "hidden_dropout_prob": _SHARE,
    "attention_probs_dropout_prob": _SHARE,
    "dropout": _SHARE,
    "attention_dropout": _SHARE,
    "pad_token_id": _whole(0, 999_999),
    "sinusoidal_pos_embds": _SWITCH,
    "tie_word_embeddings": _SWITCH,
    "is_decoder": _OFF,
    "add_cross_attention": _OFF,
    "output_attentions": _OFF,
    "output_hidden_states": _OFF,
    "position_embedding_type": _one_of("absolute"),
}
"""Keys that shape the network, each with what its value may be."""

_NOTES = frozenset(
    {
        "_name_or_path", "_num_labels", "architectures", "bos_token_id", "classifier_dropout",
        "directionality", "dtype", "eos_token_id", "gradient_checkpointing", "id2label", "label2id",
        "output_past", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
        "pooler_size_per_head", "pooler_type", "qa_dropout", "seq_classif_dropout",
        "summary_activation", "summary_last_dropout", "summary_type", "summary_use_proj",
        "torch_dtype", "transformers_version", "use_cache",
    }
)  # fmt: skip
"""Keys that are allowed and not read: they say nothing of the network under our heads."""

_ADAPTER: Mapping[str, Check] = {
    "r": _whole(1, 1_024),
    "lora_alpha": _number(1e-6, 1e6),
    "peft_type": _one_of("LORA"),
    "bias": _one_of("none"),
    "task_type": _one_of(None, "FEATURE_EXTRACTION"),
    "alpha_pattern": _one_of({}),
    "rank_pattern": _one_of({}),
    "loftq_config": _one_of({}),
    **dict.fromkeys(
        (
            "ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora", "use_qalora",
            "use_rslora",
        ),
        _OFF,
    ),
    **dict.fromkeys(
        (
            "alora_invocation_tokens", "arrow_config", "corda_config", "eva_config", "kasa_config",
            "layer_replication", "layers_pattern", "layers_to_transform", "lora_ga_config",
            "megatron_config", "modules_to_save", "monteclora_config", "target_parameters",
            "trainable_token_indices", "use_bdlora", "velora_config",
        ),
        _one_of(None),
    ),
}  # fmt: skip
"""Keys of PEFT; a variant of LoRA that merging does not compute must be switched off."""

_ADAPTER_NOTES = frozenset(
    {
        "auto_mapping", "base_model_name_or_path", "exclude_modules", "inference_mode",
        "init_lora_weights", "lora_dropout", "megatron_core", "peft_version", "qalora_group_size",
        "revision", "target_modules",
    }
)  # fmt: skip


class AdapterConfig(msgspec.Struct, frozen=True):
    """The part of PEFT's adapter configuration that merging needs."""

    r: int
    lora_alpha: float


def read_backbone_config(path: Path) -> dict[str, Any]:
    """The keys of a `config.json` that shape the network. Raises ModelError naming the key."""
    values = _checked(path, _BACKBONE, _NOTES)
    if "model_type" not in values:
        raise ModelError(f"{path}: 'model_type' is missing; known are {', '.join(MODEL_TYPES)}")
    hidden = values.get("dim", values.get("hidden_size", 768))
    heads = values.get("n_heads", values.get("num_attention_heads", 12))
    if hidden % heads:
        raise ModelError(f"{path}: 'hidden_size' {hidden} is not a multiple of {heads} heads")
    if values.get("pad_token_id", 0) >= values.get("vocab_size", 30_522):
        raise ModelError(f"{path}: 'pad_token_id' is beyond 'vocab_size'")
    return values


def read_adapter_config(path: Path) -> AdapterConfig:
    """Rank and scale of an `adapter_config.json`. Raises ModelError naming the key."""
    values = _checked(path, _ADAPTER, _ADAPTER_NOTES)
    for name in ("r", "lora_alpha"):
        if name not in values:
            raise ModelError(f"{path}: '{name}' is missing")
    return AdapterConfig(values["r"], float(values["lora_alpha"]))


def _checked(path: Path, checks: Mapping[str, Check], notes: frozenset[str]) -> dict[str, Any]:
    try:
        values = msgspec.json.decode(read_small(path), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: {error}") from None
    known = {}
    for key, value in values.items():
        if key in notes:
            continue
        if key not in checks:
            raise ModelError(f"{path}: key '{key[:60]}' is not among those that are allowed")
        # A token that the vocabulary lacks is stated as null.
        if value is None and key == "pad_token_id":
            continue
        if not checks[key](value):
            raise ModelError(f"{path}: '{key}' may not be {str(value)[:60]}")
        known[key] = value
    return known
