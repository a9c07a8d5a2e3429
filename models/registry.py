"""The registry: versions of models that never change, and which of them serves which language.

<folder>/versions/<name>@<hash8>/   a model directory, its files read-only
<folder>/service.jsonl              what was put into service (models.journal)
<folder>/.lock                      held while something is written
"""

import contextlib
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from models.directories import bundled_specs, resolve
from models.journal import (
    Language,
    Promotion,
    append,
    read_journal,
    succession,
    sync_folder,
)
from models.layout import LINEAR
from models.linear import LinearModel
from models.manifest import MANIFEST, ModelError, file_sha256, parse_manifest
from models.verification import NAME_PATTERN, verified

_INCOMING = ".incoming-"
_VERSION = re.compile(rf"{NAME_PATTERN}@[0-9a-f]{{8}}")


@dataclass(frozen=True, slots=True)
class Registry:
    """A folder of versions; it is made by the first that is registered."""

    folder: Path

    @property
    def _versions(self) -> Path:
        return self.folder / "versions"

    @property
    def journal(self) -> Path:
        return self.folder / "service.jsonl"

    def versions(self) -> list[str]:
        """The names of all versions, sorted; whether each is sound is not looked at."""
        try:
            names = [item.name for item in self._versions.iterdir() if item.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _VERSION.fullmatch(name))

    def directory(self, version: str) -> Path:
        """Where a version lies, or a bundled model. Raises ModelError for what is not there."""
        if version.startswith("bundled:"):
            return resolve(version)
        if version not in self.versions():
            raise ModelError(f"{self._versions}: there is no version '{version}'")
        return self._versions / version

    def find(self, name: str) -> tuple[str | None, Path]:
        """What a user means: a version, a bundled model, a directory, or a version's beginning.

        Returns the version, None for a directory that is not of this registry, and where it lies.
        Raises ModelError.
        """
        known = self.versions()
        if name.startswith("bundled:") or name in known:
            return name, self.directory(name)
        path = Path(name)
        if path.is_dir():
            inside = path.resolve().parent == self._versions.resolve()
            return (path.resolve().name if inside else None), path
        meant = [version for version in known if version.startswith(name)]
        if len(meant) == 1:
            return meant[0], self._versions / meant[0]
        if meant:
            raise ModelError(f"'{name}' may be any of {', '.join(meant)}")
        listed = ", ".join([*bundled_specs(), *known])
        raise ModelError(f"'{name}' is no directory and no version; there are: {listed}")

    def entries(self) -> list[Promotion]:
        """The journal, oldest first. Raises ModelError."""
        return read_journal(self.journal)

    def in_service(self, language: Language) -> str:
        """The version that should serve a language. Raises ModelError."""
        return succession(self.entries(), language)[-1]

    def verified_directory(self, version: str) -> Path:
        """Where a version lies, once it is seen to be the one that was registered.

        Its name must be that of its files, and its manifest the one that was promoted; what the
        files hold is checked as they are loaded. Raises ModelError.
        """
        directory = self.directory(version)
        if version.startswith("bundled:"):
            return directory
        found = parse_manifest(directory).identifier
        if found != version:
            raise ModelError(f"{directory}: its files are those of {found}")
        promoted = [item for item in self.entries() if item.version == version]
        if promoted and promoted[-1].manifest_sha256 != file_sha256(directory / MANIFEST):
            raise ModelError(f"{directory / MANIFEST}: changed since it was promoted")
        return directory

    def register(self, source: Path) -> str:
        """Copy a model directory into the registry; the version, which may be there already.

        It appears under its name only when all of it is on the disk and was loaded from there.
        Raises ModelError.
        """
        version = verified(source).identifier
        target = self._versions / version
        try:
            self._versions.mkdir(parents=True, exist_ok=True)
            with self._lock():
                for leftover in self._versions.glob(f"{_INCOMING}*"):
                    shutil.rmtree(leftover)
                if target.exists():
                    self._check_same(source, target)
                    return version
                incoming = self._versions / f"{_INCOMING}{uuid.uuid4().hex}"
                try:
                    _copy(source, incoming)
                    if _loaded(incoming) != version:
                        raise ModelError(f"{source}: it changed while it was copied")
                    incoming.rename(target)
                finally:
                    shutil.rmtree(incoming, ignore_errors=True)
                sync_folder(self._versions)
        except OSError as error:
            raise ModelError(f"{self.folder}: cannot be written: {error}") from error
        return version

    def promote(
        self,
        version: str,
        language: Language,
        *,
        expected: str,
        by: str,
        now: datetime,
        figures: tuple[dict[str, Any], ...] = (),
        forced: str | None = None,
    ) -> Promotion:
        """Put a registered version into service for a language, in the place of `expected`.

        Raises ModelError where it is unsound, or where another was promoted meanwhile.
        """
        with self._lock():
            serving = self.in_service(language)
            if serving != expected:
                raise ModelError(
                    f"{serving} was put into service for {language} meanwhile; promote again"
                )
            entry = Promotion(
                time=now,
                language=language,
                action="promote",
                version=version,
                previous=serving,
                by=by,
                figures=figures,
                forced=forced,
            )
            return self._record(entry)

    def rollback(self, language: Language, *, by: str, now: datetime) -> Promotion:
        """Put the version that served before back into service.

        Raises ModelError where there is none, or where it is unsound.
        """
        with self._lock():
            versions = succession(self.entries(), language)
            if len(versions) == 1:
                raise ModelError(
                    f"{versions[0]} is in service for {language}, and nothing was before it"
                )
            entry = Promotion(
                time=now,
                language=language,
                action="rollback",
                version=versions[-2],
                previous=versions[-1],
                by=by,
            )
            return self._record(entry)

    def _record(self, entry: Promotion) -> Promotion:
        directory = self.verified_directory(entry.version)
        _loaded(directory)
        if not entry.version.startswith("bundled:"):
            digest = file_sha256(directory / MANIFEST)
            entry = msgspec.structs.replace(entry, manifest_sha256=digest)
        append(self.journal, entry)
        return entry

    def _check_same(self, source: Path, target: Path) -> None:
        """The name says which weights it has; what the manifest says must be the same too."""
        verified(target)
        if file_sha256(source / MANIFEST) != file_sha256(target / MANIFEST):
            raise ModelError(
                f"{source / MANIFEST}: the same files are registered as {target.name} with another "
                "manifest; give this one another name"
            )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(
                self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
        except OSError as error:
            raise ModelError(f"{self.folder}: cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _loaded(directory: Path) -> str:
    """The identifier of a version, all of whose files were read as they are when it serves.

    Raises ModelError.
    """
    if (directory / LINEAR).is_file():
        return LinearModel(directory).identifier
    # It imports transformers, which takes seconds.
    from models.loading import load_network

    manifest, _, _ = load_network(directory)
    return manifest.identifier


def _copy(source: Path, target: Path) -> None:
    """Copy a directory of plain files, read-only and durable; times are kept."""
    target.mkdir()
    for file in source.iterdir():
        copy = target / file.name
        shutil.copyfile(file, copy, follow_symlinks=False)
        shutil.copystat(file, copy)
        with copy.open("rb") as written:
            os.fsync(written.fileno())
        copy.chmod(0o444)
    sync_folder(target)
