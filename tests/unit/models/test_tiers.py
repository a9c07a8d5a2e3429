"""The fast tier: which bundled model serves, and what is said where it was not made."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.directories import resolve
from models.journal import LANGUAGES
from models.loading import load_network
from models.manifest import ModelError
from models.registry import Registry
from models.serving import ModelService, ServiceOptions
from models.tiers import accurate, bundled_models, in_tier
from models.training.layers import layer_count
from models.training.neurons import neuron_count
from tests.unit.models.tiny import bundled_tiers, write_tiny

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SPECS = {"en": "registry:en", "zh": "bundled:zh"}
FAST = ServiceOptions(tier="fast")


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bundled_tiers(tmp_path / "bundled", monkeypatch)


def test_only_bundled_models_have_a_fast_one(bundled: Path) -> None:
    assert in_tier("bundled:en", "fast") == "bundled:en-fast"
    assert in_tier("bundled:en", "accurate") == "bundled:en"
    for other in ("bundled:en-fast", "registry:en", "our-model@0123abcd", "our/model"):
        assert in_tier(other, "fast") == other
    assert accurate("bundled:zh-fast") == "bundled:zh"
    assert accurate("our-fast") == "our-fast"
    assert bundled_models("fast") == {"en": "bundled:en-fast", "zh": "bundled:zh-fast"}
    assert bundled_models("accurate") == {"en": "bundled:en", "zh": "bundled:zh"}


def test_the_fast_models_serve_where_the_bundled_ones_would(bundled: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    service = ModelService(registry, SPECS, FAST)
    found = service.start().identifiers
    assert found["en"].startswith("tiny-en-fast@") and found["zh"].startswith("tiny-zh-fast@")
    assert service.serving == {"en": "bundled:en-fast", "zh": "bundled:zh-fast"}
    write_tiny(tmp_path / "own", name="own")
    own = registry.register(tmp_path / "own")
    registry.promote(own, "en", expected="bundled:en", by="ann", now=NOW)
    promoted = service.renewed()
    assert promoted is not None and promoted.identifiers["en"] == own
    registry.rollback("en", by="ann", now=NOW)
    back = service.renewed()
    assert back is not None and back.identifiers["en"] == found["en"]


def test_a_fast_model_can_be_promoted_for_one_language(bundled: Path, tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    registry.promote("bundled:en-fast", "en", expected="bundled:en", by="ann", now=NOW)
    service = ModelService(registry, SPECS, ServiceOptions())
    service.start()
    assert service.serving == {"en": "bundled:en-fast", "zh": "bundled:zh"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fast_models_that_are_bundled_come_from_accurate_ones(language: str) -> None:
    accurate_model, fast = bundled_models("accurate")[language], bundled_models("fast")[language]
    assert fast == f"{accurate_model}-fast"
    manifest, network, _ = load_network(resolve(fast))
    teacher, taught_by, _ = load_network(resolve(accurate_model))
    # Of the same version: its hash is another once the teacher was calibrated anew.
    assert manifest.teacher.partition("@")[0] == teacher.name
    assert (manifest.topics, manifest.max_tokens) == (teacher.topics, teacher.max_tokens)
    narrower = neuron_count(network) < neuron_count(taught_by)
    assert narrower or layer_count(network) < layer_count(taught_by)


def test_where_no_fast_model_was_made_the_accurate_one_serves(
    bundled: Path, tmp_path: Path
) -> None:
    (bundled / "zh-fast").rename(tmp_path / "elsewhere")
    reason = "'bundled:zh-fast' is not here.*undertone distill --recipe zh.*bundled:en-fast"
    with pytest.raises(ModelError, match=reason):
        resolve("bundled:zh-fast")
    assert bundled_models("fast") == {"en": "bundled:en-fast", "zh": "bundled:zh"}
    service = ModelService(Registry(tmp_path / "models"), SPECS, FAST)
    service.start()
    assert service.serving == {"en": "bundled:en-fast", "zh": "bundled:zh"}
    with pytest.raises(ModelError, match="is no bundled model"):
        resolve("bundled:fr-fast")
