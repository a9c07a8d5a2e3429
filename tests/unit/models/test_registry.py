"""Versions that never change, and what is in service."""

import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.layout import HEADS
from models.manifest import MANIFEST, ModelError, file_sha256
from models.registry import Registry
from tests.unit.models.tiny import WRONG, write_tiny

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_tiny(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_version_is_a_read_only_copy(registry: Registry, source: Path) -> None:
    version = registry.register(source)
    assert registry.versions() == [version]
    copy = registry.verified_directory(version)
    assert {file.name: file_sha256(file) for file in copy.iterdir()} == {
        file.name: file_sha256(file) for file in source.iterdir()
    }
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o444 for file in copy.iterdir())
    assert registry.register(source) == version
    assert registry.in_service("en") == "bundled:en"


def test_the_same_files_under_another_manifest_are_another_model(
    registry: Registry, source: Path
) -> None:
    registry.register(source)
    manifest = source / MANIFEST
    told = manifest.read_text()
    manifest.write_text(told.replace("lessons.csv", "others.csv"))
    with pytest.raises(ModelError, match="give this one another name"):
        registry.register(source)
    # What the answers hang on is in the name.
    manifest.write_text(told.replace('"temperature": 1.0', '"temperature": 2.0'))
    registry.register(source)
    assert len(registry.versions()) == 2


def test_what_is_not_sound_is_not_registered(registry: Registry, source: Path) -> None:
    (source / HEADS).write_bytes(b"")
    with pytest.raises(ModelError, match=r"heads\.safetensors"):
        registry.register(source)
    assert registry.versions() == []


def test_an_interrupted_copy_is_no_version_and_is_cleared_away(
    registry: Registry, source: Path
) -> None:
    # The process dies as by SIGKILL when the copy lies there whole and has no name yet.
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from models.registry import Registry\n"
        "Path.rename = lambda self, target: os._exit(9)\n"
        "Registry(Path(sys.argv[1])).register(Path(sys.argv[2]))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script, str(registry.folder), str(source)], check=False
    )
    assert found.returncode == 9
    folder = registry.folder / "versions"
    assert [item.name[:10] for item in folder.iterdir()] == [".incoming-"]
    assert registry.versions() == []
    assert registry.in_service("en") == "bundled:en"
    version = registry.register(source)
    assert [item.name for item in folder.iterdir()] == [version]


def test_promotion_and_rollback_are_recorded(
    registry: Registry, source: Path, tmp_path: Path
) -> None:
    first = registry.register(source)
    write_tiny(tmp_path / "other", name="other", lessons=WRONG)
    second = registry.register(tmp_path / "other")
    registry.promote(first, "en", expected="bundled:en", by="ann", now=NOW)
    forced = registry.promote(second, "en", expected=first, by="bob", now=NOW, forced="a test")
    assert registry.in_service("en") == second
    assert registry.in_service("zh") == "bundled:zh"
    back = registry.rollback("en", by="ann", now=NOW)
    assert (back.action, back.version, back.previous) == ("rollback", first, second)
    last = registry.rollback("en", by="ann", now=NOW)
    assert (last.version, last.manifest_sha256) == ("bundled:en", "")
    with pytest.raises(ModelError, match="nothing was before it"):
        registry.rollback("en", by="ann", now=NOW)
    entries = registry.entries()
    assert [item.by for item in entries] == ["ann", "bob", "ann", "ann"]
    assert (forced.forced, entries[1]) == ("a test", forced)
    assert entries[0].manifest_sha256 == file_sha256(source / MANIFEST)


def test_of_two_promotions_at_once_the_second_is_asked_again(
    registry: Registry, source: Path
) -> None:
    version = registry.register(source)
    registry.promote(version, "en", expected="bundled:en", by="ann", now=NOW)
    with pytest.raises(ModelError, match="meanwhile"):
        registry.promote(version, "en", expected="bundled:en", by="bob", now=NOW)


def test_a_version_that_was_changed_is_neither_promoted_nor_gone_back_to(
    registry: Registry, source: Path, tmp_path: Path
) -> None:
    first = registry.register(source)
    registry.promote(first, "en", expected="bundled:en", by="ann", now=NOW)
    write_tiny(tmp_path / "other", name="other")
    second = registry.register(tmp_path / "other")
    registry.promote(second, "en", expected=first, by="ann", now=NOW)
    # The answers are as they were; what is said of them is not.
    manifest = registry.directory(first) / MANIFEST
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace("lessons.csv", "others.csv"))
    with pytest.raises(ModelError, match="changed since it was promoted"):
        registry.rollback("en", by="ann", now=NOW)
    assert registry.in_service("en") == second


def test_a_version_under_another_name_is_refused(registry: Registry, source: Path) -> None:
    version = registry.register(source)
    other = registry.directory(version).with_name("better@12345678")
    registry.directory(version).rename(other)
    with pytest.raises(ModelError, match=f"its files are those of {version}"):
        registry.verified_directory("better@12345678")


def test_what_a_user_means(
    registry: Registry, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = registry.register(source)
    lies = registry.directory(version)
    assert registry.find(version) == (version, lies)
    assert registry.find("tiny@") == (version, lies)
    assert registry.find(str(lies)) == (version, lies)
    assert registry.find(str(source)) == (None, source)
    # A directory here comes before a version that begins like it.
    monkeypatch.chdir(tmp_path)
    assert registry.find("tiny") == (None, Path("tiny"))
    assert registry.find("bundled:en")[0] == "bundled:en"
    for nothing in ("none", "../tiny@00000000", "bundled:fr"):
        with pytest.raises(ModelError, match="there are: bundled:en"):
            registry.find(nothing)
    write_tiny(tmp_path / "more" / "tiny", seed=1)
    registry.register(tmp_path / "more" / "tiny")
    with pytest.raises(ModelError, match="may be any of"):
        registry.find("tiny@")


def test_a_registry_that_is_a_file_is_named(tmp_path: Path, source: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        Registry(tmp_path / "file").register(source)
