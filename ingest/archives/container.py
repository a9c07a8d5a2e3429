"""The file around the rows: what its name promises, what its bytes say, its compression."""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Literal, cast

from pyarrow.lib import CompressedInputStream

Format = Literal["jsonl", "csv", "parquet"]
Compression = Literal["", "gzip", "zstd"]

SUFFIXES: Final = ".jsonl, .csv or .parquet, each also with .gz or .zst"
_FORMATS: Final[dict[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_COMPRESSIONS: Final[dict[str, Compression]] = {".gz": "gzip", ".zst": "zstd"}
_MAGIC: Final = {
    b"\x1f\x8b": "gzip data",
    b"\x28\xb5\x2f\xfd": "Zstandard data",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "a ZIP archive or spreadsheet",
    b"%PDF": "a PDF",
}
_MAX_RATIO: Final = 500
_RATIO_FREE_BYTES: Final = 100_000_000
_MAX_SPOOLED_BYTES: Final = 4_000_000_000
_COPY_BYTES: Final = 1 << 20
# The library has no types.
_ZSTD_STREAM: Callable[..., IO[bytes]] = CompressedInputStream


class ArchiveError(ValueError):
    """The archive cannot be read; the message names the file and says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Container:
    path: Path
    format: Format
    compression: Compression


def container_of(path: Path) -> Container:
    """What the file's name promises; raises ArchiveError where the file is none to read."""
    if not path.exists():
        raise ArchiveError(f"{path}: no such file")
    if not path.is_file():
        raise ArchiveError(f"{path}: not a file")
    inner, compression = _suffixes(path)
    if inner not in _FORMATS:
        raise ArchiveError(f"{path}: the name must end with {SUFFIXES}")
    return Container(path, _FORMATS[inner], compression)


def is_archive_name(path: Path) -> bool:
    """Whether a file of that name would be read as an archive."""
    return _suffixes(path)[0] in _FORMATS


def _suffixes(path: Path) -> tuple[str, Compression]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    compression = _COMPRESSIONS.get(suffixes[-1] if suffixes else "", "")
    inner = suffixes[-2] if compression and len(suffixes) > 1 else suffixes[-1] if suffixes else ""
    return inner, compression


@contextmanager
def opened(container: Container) -> Iterator[BinaryIO]:
    """The decompressed bytes. Parquet is seekable; the others are a stream.

    Raises ArchiveError, also while being read, where the bytes are not what the name promises,
    break off, or grow out of all proportion.
    """
    path = container.path
    try:
        raw = path.open("rb")
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be opened: {error.strerror}") from error
    with raw:
        _check_magic(container, raw)
        stream: BinaryIO = raw
        if container.compression:
            reader = _Bounded(container, _decompressor(container.compression, raw))
            stream = cast(BinaryIO, io.BufferedReader(reader, _COPY_BYTES))
        if container.compression and container.format == "parquet":
            with tempfile.TemporaryFile(prefix="undertone-") as spooled:
                _spool(container, stream, spooled)
                yield cast(BinaryIO, spooled)
        else:
            yield stream


def what_it_looks_like(start: bytes) -> str:
    for magic, name in _MAGIC.items():
        if start.startswith(magic):
            return name
    if b"\0" in start:
        return "binary data"
    return ""


def _check_magic(container: Container, raw: BinaryIO) -> None:
    start = raw.read(64)
    raw.seek(0)
    if not start:
        raise ArchiveError(f"{container.path}: the file is empty")
    found = what_it_looks_like(start)
    wanted = {"gzip": "gzip data", "zstd": "Zstandard data"}.get(container.compression, "")
    if not wanted and container.format == "parquet":
        wanted = "a Parquet file"
    if found != wanted:
        raise ArchiveError(
            f"{container.path}: not what its suffix says: "
            f"expected {wanted or 'text'}, found {found or 'something else'}"
        )


def _decompressor(compression: Compression, raw: BinaryIO) -> IO[bytes]:
    if compression == "gzip":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw, mode="rb"))
    # Unlike the zstandard package's reader, this one tells a stream that breaks off from its end.
    return _ZSTD_STREAM(raw, "zstd")


class _Bounded(io.RawIOBase):
    """Decompressed bytes with a limit on their proportion to the file, and clear errors."""

    def __init__(self, container: Container, source: IO[bytes]) -> None:
        super().__init__()
        self._path = container.path
        self._source = source
        self._limit = max(_RATIO_FREE_BYTES, container.path.stat().st_size * _MAX_RATIO)
        self._read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._source.read(len(buffer))
        except (EOFError, OSError, zlib.error) as error:
            raise ArchiveError(
                f"{self._path}: the compressed data is damaged or breaks off: {error}"
            ) from error
        self._read_bytes += len(piece)
        if self._read_bytes > self._limit:
            raise ArchiveError(
                f"{self._path}: decompresses to more than {_MAX_RATIO} times its size"
            )
        buffer[: len(piece)] = piece
        return len(piece)


def _spool(container: Container, stream: BinaryIO, target: IO[bytes]) -> None:
    copied = 0
    while piece := stream.read(_COPY_BYTES):
        copied += len(piece)
        if copied > _MAX_SPOOLED_BYTES:
            raise ArchiveError(
                f"{container.path}: larger than {_MAX_SPOOLED_BYTES:,} bytes when decompressed; "
                "Parquet compresses by itself, so give the .parquet file"
            )
        target.write(piece)
    target.seek(0)
