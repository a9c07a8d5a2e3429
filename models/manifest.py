"""The manifest of a model directory: what it is, what it was made of, and the hash of each file."""

import hashlib
from pathlib import Path

import msgspec

from models.confusion import Confusion
from models.labels import SENTIMENTS, TOPICS

FORMAT = 1
MANIFEST = "manifest.json"
MAX_JSON_BYTES = 2**20
"""Of a manifest or a configuration."""


class ModelError(ValueError):
    """A model that cannot be used; the message is for the user."""


class Base(msgspec.Struct, frozen=True):
    """The encoder that was trained on: a Python package's folder, or the model's own directory."""

    name: str
    licence: str
    package: str
    """Importable package that holds the base in its `model` folder; "" when it is here."""
    sha256: str
    """Of the base's `model.safetensors`, checked at load when it comes from a package."""


class DataSource(msgspec.Struct, frozen=True):
    """One set that the model was trained on."""

    name: str
    rows: int
    licence: str
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What `manifest.json` says."""

    format: int = FORMAT
    name: str
    languages: tuple[str, ...]
    method: str
    pooling: str
    base: Base
    sentiments: tuple[str, ...] = SENTIMENTS
    topics: tuple[str, ...] = TOPICS
    max_tokens: int
    temperature: float
    topic_thresholds: dict[str, float]
    data: tuple[DataSource, ...]
    metrics: dict[str, dict[str, float]]
    confusion: Confusion | None = None
    """On texts that it did not learn from; not told by models of earlier versions."""
    command: str
    teacher: str = ""
    """Identifier of the model whose answers a distilled one learned to give; "" for others."""
    reads_companies: bool = False
    """Whether it was trained with the mark that asks about one company of a text."""
    files: dict[str, str]
    """SHA-256 by file name, for every file of the directory but the manifest."""

    @property
    def identifier(self) -> str:
        """Name and the beginning of a hash over all that its answers hang on: what scores are
        stored under."""
        told = (
            self.files,
            self.pooling,
            self.topics,
            self.max_tokens,
            self.temperature,
            self.topic_thresholds,
            self.reads_companies,
        )
        digest = hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
        return f"{self.name}@{digest[:8]}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_small(path: Path) -> bytes:
    """A file of at most MAX_JSON_BYTES. Raises ModelError where it is larger, and OSError."""
    with path.open("rb") as file:
        content = file.read(MAX_JSON_BYTES + 1)
    if len(content) > MAX_JSON_BYTES:
        raise ModelError(f"{path}: larger than {MAX_JSON_BYTES} bytes")
    return content


def parse_manifest(directory: Path) -> Manifest:
    """The manifest of a directory whose files are not looked at. Raises ModelError."""
    path = directory / MANIFEST
    if not directory.is_dir():
        raise ModelError(f"{directory}: no such model directory")
    try:
        manifest = msgspec.json.decode(read_small(path), type=Manifest)
    except FileNotFoundError:
        raise ModelError(f"{path}: missing; a model directory holds one") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelError(f"{path}: {error}") from None
    if manifest.format != FORMAT:
        raise ModelError(f"{path}: format {manifest.format}, this version reads {FORMAT}")
    if manifest.sentiments != SENTIMENTS:
        raise ModelError(f"{path}: its sentiments are not this version's; train the model again")
    return manifest


def read_manifest(directory: Path) -> Manifest:
    """The manifest of a directory whose files all have the hashes that it states.

    Raises ModelError, naming the file, where one is missing, changed or not listed.
    """
    path = directory / MANIFEST
    manifest = parse_manifest(directory)
    for name, wanted in manifest.files.items():
        file = directory / name
        if Path(name).name != name or name in ("", "..") or file.is_symlink():
            raise ModelError(f"{path}: '{name}' is not a plain file name")
        if not file.is_file():
            raise ModelError(f"{file}: missing, the manifest lists it")
        found = file_sha256(file)
        if found != wanted:
            raise ModelError(f"{file}: SHA-256 is {found[:16]}…, the manifest says {wanted[:16]}…")
    return manifest


def write_manifest(directory: Path, manifest: Manifest) -> Manifest:
    """Write the manifest with the hashes of the files that lie in the directory."""
    files = {
        file.name: file_sha256(file)
        for file in sorted(directory.iterdir())
        if file.is_file() and file.name != MANIFEST
    }
    complete = msgspec.structs.replace(manifest, files=files)
    encoded = msgspec.json.format(msgspec.json.encode(complete), indent=2)
    (directory / MANIFEST).write_bytes(encoded + b"\n")
    return complete
