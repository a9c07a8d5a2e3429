"""Archives of past news in files: JSON lines, CSV and Parquet, plain or compressed."""

from ingest.archives.container import ArchiveError
from ingest.archives.reader import COLUMNS, RefusedRow, read_archive

__all__ = ["COLUMNS", "ArchiveError", "RefusedRow", "read_archive"]
