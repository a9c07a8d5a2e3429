"""What serves: at the start, after a promotion, and when something is amiss."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.layout import HEADS, LINEAR
from models.manifest import ModelError
from models.registry import Registry
from models.serving import ModelService, Refusal, ServiceOptions
from tests.unit.models.tiny import WRONG, write_tiny
from tests.unit.monitor.bench.made import write_linear

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SPECS = {"en": "registry:en", "zh": "registry:zh"}
TEXTS = ["shares plunge", "record profit", "meeting on tuesday"]


class Setting:
    """A registry with two versions for English: `right` and `wrong`."""

    def __init__(self, folder: Path) -> None:
        write_tiny(folder / "right", name="right")
        write_tiny(folder / "wrong", name="wrong", lessons=WRONG)
        self.registry = Registry(folder / "models")
        self.right = self.registry.register(folder / "right")
        self.wrong = self.registry.register(folder / "wrong")
        self.refusals: list[Refusal] = []

    def service(self, specs: dict[str, str] | None = None) -> ModelService:
        options = ServiceOptions()
        return ModelService(self.registry, specs or SPECS, options, self.refusals.append)

    def promote(self, version: str) -> None:
        serving = self.registry.in_service("en")
        self.registry.promote(version, "en", expected=serving, by="ann", now=NOW)

    def spoil(self, version: str) -> None:
        heads = self.registry.directory(version) / HEADS
        heads.chmod(0o644)
        heads.write_bytes(heads.read_bytes()[:-1] + b"\x07")


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def test_without_a_promotion_the_bundled_models_serve(setting: Setting, tmp_path: Path) -> None:
    service = setting.service()
    assert service.start().identifiers["en"].startswith("undertone-en-")
    assert service.serving == {"en": "bundled:en", "zh": "bundled:zh"}
    assert service.renewed() is None
    empty = ModelService(Registry(tmp_path / "none"), {"en": "registry:en", "zh": "registry:en"})
    assert len(set(empty.start().identifiers.values())) == 1
    assert not (tmp_path / "none").exists()


def test_a_promotion_is_noticed_once_and_so_is_its_rollback(setting: Setting) -> None:
    service = setting.service()
    service.start()
    setting.promote(setting.right)
    scorer = service.renewed()
    assert scorer is not None
    scores = scorer.score(TEXTS)
    assert [scores.label(row) for row in range(3)] == ["negative", "positive", "neutral"]
    assert set(scores.models) == {setting.right}
    assert service.renewed() is None
    setting.registry.rollback("en", by="ann", now=NOW)
    back = service.renewed()
    assert back is not None and back.identifiers["en"].startswith("undertone-en-")
    assert setting.refusals == []


def test_what_is_refused_leaves_what_serves_and_is_told_once(setting: Setting) -> None:
    setting.promote(setting.right)
    service = setting.service()
    service.start()
    setting.promote(setting.wrong)
    setting.spoil(setting.wrong)
    assert service.renewed() is None
    assert service.renewed() is None
    assert service.serving["en"] == setting.right
    (refusal,) = setting.refusals
    assert refusal.version == setting.wrong
    assert "heads.safetensors: SHA-256" in refusal.reason
    # Another entry of the journal is another try, and what serves already is not opened again.
    setting.registry.rollback("en", by="ann", now=NOW)
    assert service.renewed() is None
    assert len(setting.refusals) == 1


def test_a_linear_model_is_registered_promoted_and_serves(setting: Setting, tmp_path: Path) -> None:
    write_linear(tmp_path / "linear")
    version = setting.registry.register(tmp_path / "linear")
    setting.promote(version)
    service = setting.service()
    assert service.start().identifiers["en"] == version
    assert service.serving["en"] == version and not setting.refusals
    weights = setting.registry.directory(version) / LINEAR
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x07")
    with pytest.raises(ModelError, match=LINEAR):
        setting.promote(version)


def test_at_the_start_the_last_good_version_serves(setting: Setting) -> None:
    setting.promote(setting.right)
    setting.promote(setting.wrong)
    setting.spoil(setting.wrong)
    service = setting.service()
    assert service.start().identifiers["en"] == setting.right
    assert [item.version for item in setting.refusals] == [setting.wrong]
    setting.spoil(setting.right)
    assert setting.service().start().identifiers["en"].startswith("undertone-en-")
    assert [item.version for item in setting.refusals[1:]] == [setting.wrong, setting.right]


def test_a_journal_that_cannot_be_read_ends_nothing(setting: Setting) -> None:
    setting.registry.journal.mkdir()
    service = setting.service()
    assert service.start().identifiers["en"].startswith("undertone-en-")
    assert "service.jsonl" in setting.refusals[0].version


def test_a_setting_that_the_registry_does_not_have_is_named(setting: Setting) -> None:
    with pytest.raises(ModelError, match="registry:en, registry:zh"):
        setting.service({"en": "registry:fr", "zh": "bundled:zh"}).start()
