"""What a user says about one feed."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from ingest.text import language_code


class FeedSettings(BaseModel):
    """One feed to poll. Its name is the source of its articles, and part of their ids."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
    language: str = Field(
        default="", description='ISO 639-1, such as "en" or "zh"; "" to go by the feed'
    )
    timezone: str = Field(
        default="UTC", description="IANA zone of dates that name none: Asia/Shanghai"
    )
    interval_seconds: int = Field(default=300, ge=1, le=7 * 86_400)
    allow_private: bool = Field(
        default=False, description="allow addresses off the public internet"
    )
    enabled: bool = True
    category: str = Field(default="", max_length=100)

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.lower().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return url

    @field_validator("language")
    @classmethod
    def _is_language(cls, language: str) -> str:
        code = language_code(language)
        if language and not code:
            raise ValueError('must be an ISO 639-1 code such as "en" or "zh"')
        return code

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, timezone: str) -> str:
        try:
            ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError('must be an IANA time zone such as "Asia/Shanghai"') from error
        return timezone

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)
