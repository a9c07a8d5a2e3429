"""Which files a model directory holds, by the method that made it."""

from collections.abc import Mapping

ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
CONFIG = "config.json"
ENCODER = "encoder.safetensors"
HEADS = "heads.safetensors"
LINEAR = "linear.safetensors"
TOKENIZER = "tokenizer.json"
WIDE = "wide.safetensors"

DOCUMENTS = frozenset({"README.md", "MODEL_CARD.md", "LICENSE", "NOTICE", "reference.json"})
"""Files that any directory may hold besides, if its manifest lists them."""

_ADAPTED = frozenset({ADAPTER, ADAPTER_CONFIG, HEADS})
"""What was added to a base that a package holds."""
_WHOLE = frozenset({CONFIG, ENCODER, HEADS, TOKENIZER})
"""An encoder with its tokenizer."""
_WIDENED = _WHOLE | {WIDE}
"""An encoder with n-grams beside it."""

LAYOUTS: Mapping[str, tuple[frozenset[str], ...]] = {
    "full": (_WHOLE, _WIDENED),
    "distilled": (_WHOLE,),
    "lora": (_ADAPTED, _WHOLE, _WIDENED),
    "adalora": (_WHOLE, _WIDENED),
    "linear": (frozenset({LINEAR}),),
}
"""By method, the sets of files of which a directory holds one, whole."""
