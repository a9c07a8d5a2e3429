"""The two tiers of the bundled models: the accurate ones, and faster ones distilled from them."""

from collections.abc import Mapping
from typing import Literal

from models.directories import bundled_specs
from models.journal import LANGUAGES, bundled

Tier = Literal["accurate", "fast"]
ACCURATE: Mapping[str, str] = {language: bundled(language) for language in LANGUAGES}
"""The accurate model of each language."""
FAST = "-fast"
"""What the name of a fast model ends in, behind that of the accurate one."""


def in_tier(spec: str, tier: Tier) -> str:
    """What a setting or a version stands for in a tier. Only bundled models have a fast one, and
    not each: the accurate one serves then. A model that was named or promoted is what it is in
    either tier."""
    if tier == "fast" and spec in ACCURATE.values() and spec + FAST in bundled_specs():
        return spec + FAST
    return spec


def accurate(spec: str) -> str:
    """The bundled model that a fast one was distilled from; any other setting as it is."""
    slower = spec.removesuffix(FAST)
    return slower if slower in ACCURATE.values() else spec


def bundled_models(tier: Tier) -> Mapping[str, str]:
    """The bundled model of each language in a tier."""
    return {language: in_tier(spec, tier) for language, spec in ACCURATE.items()}
