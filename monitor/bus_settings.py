"""What a user says about the bus."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BusSettings(_Part):
    """Where records travel."""

    kind: Literal["embedded", "kafka"] = "embedded"
    bootstrap_servers: str = "127.0.0.1:9092"
    topic_prefix: str = Field("undertone.", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    topics: Literal["create", "check"] = "create"
    """Whether topics that are missing are made; `check` is for clusters where others make them."""
    partitions: int = Field(1, ge=1, le=1_000)
    replication_factor: int = Field(1, ge=1, le=9)
    min_insync_replicas: int | None = Field(None, ge=1, le=9)
    """How many replicas have a record before it counts as written; by default one less than there
    are, at most two, so that one broker may be away."""
    retention_hours: float = Field(168.0, gt=0, le=87_600)
    dead_letter_retention_hours: float = Field(720.0, gt=0, le=87_600)
    """Dead letters wait for a person, so they are kept for longer."""

    @model_validator(mode="after")
    def _replicas_suffice(self) -> "BusSettings":
        if (self.min_insync_replicas or 1) > self.replication_factor:
            raise ValueError(
                f"min_insync_replicas is {self.min_insync_replicas}, but replication_factor is "
                f"{self.replication_factor}: no record could ever be written"
            )
        return self

    @property
    def in_sync(self) -> int:
        """`min_insync_replicas`, or what it is by default."""
        return self.min_insync_replicas or max(1, min(2, self.replication_factor - 1))
