"""What a user says about a channel."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$")]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name


class TerminalSettings(_Settings):
    """A panel on standard output."""

    type: Literal["terminal"]


class SlackSettings(_Settings):
    """An incoming webhook; its address is a secret."""

    type: Literal["slack"]
    webhook_url: SecretStr
    timeout_seconds: float = Field(10.0, gt=0, le=120)

    @field_validator("webhook_url")
    @classmethod
    def _is_http(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        return value


class EmailSettings(_Settings):
    """A mail server (SMTP)."""

    type: Literal["email"]
    host: str
    port: int = Field(587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    recipients: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...] = Field(
        min_length=1, max_length=100
    )
    timeout_seconds: float = Field(30.0, gt=0, le=300)


ChannelSettings = Annotated[
    TerminalSettings | SlackSettings | EmailSettings, Field(discriminator="type")
]
