"""Fixtures that several folders share."""

from tests.servers import kafka, postgresql

__all__ = ["kafka", "postgresql"]
