"""Archives of past news in files: JSON lines, CSV and Parquet, plain or compressed."""

from ingest.archives.container import SUFFIXES, ArchiveError, is_archive_name
from ingest.archives.reader import COLUMNS, RefusedRow, read_archive

__all__ = [
    "COLUMNS",
    "SUFFIXES",
    "ArchiveError",
    "RefusedRow",
    "is_archive_name",
    "read_archive",
]
