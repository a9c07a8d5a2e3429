"""The two tiers of the bundled models: the accurate ones, and faster ones distilled from them."""

from collections.abc import Mapping
from typing import Literal

from models.journal import LANGUAGES, bundled

Tier = Literal["accurate", "fast"]
FAST = "-fast"
"""What the name of a fast model ends in, behind that of the accurate one."""


def in_tier(spec: str, tier: Tier) -> str:
    """What a setting or a version stands for in a tier. Only the bundled models have a fast one;
    a model that was named or promoted is what it is in either tier."""
    if tier == "fast" and spec in bundled_models("accurate").values():
        return spec + FAST
    return spec


def accurate(spec: str) -> str:
    """The bundled model that a fast one was distilled from; any other setting as it is."""
    slower = spec.removesuffix(FAST)
    return slower if slower in bundled_models("accurate").values() else spec


def bundled_models(tier: Tier) -> Mapping[str, str]:
    """The bundled model of each language in a tier."""
    return {
        language: bundled(language) + (FAST if tier == "fast" else "") for language in LANGUAGES
    }
