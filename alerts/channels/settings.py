"""What a user says about a channel."""

import os
import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ADDRESS = re.compile(r"[^@\s<>,;:()\"\[\]\\\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,253}")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"'{value}' is no mail address; write it as desk@example.com")
    return value


Address = Annotated[str, AfterValidator(_address)]


def _from_environment(value: object) -> object:
    """`env:NAME` is what the environment variable holds: secrets need not stand in a file."""
    if not isinstance(value, str) or not value.startswith("env:"):
        return value
    name = value.removeprefix("env:").strip()
    if name not in os.environ:
        raise ValueError(f"the environment has no variable '{name}'")
    return os.environ[name]


Secret = Annotated[SecretStr, BeforeValidator(_from_environment)]
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
    webhook_url: Secret
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
    password: Secret = SecretStr("")
    sender: Address
    recipients: tuple[Address, ...] = Field(min_length=1, max_length=100)
    timeout_seconds: float = Field(30.0, gt=0, le=300)

    @model_validator(mode="after")
    def _password_is_covered(self) -> "EmailSettings":
        if self.username and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("security: none would send the password in the clear; use starttls")
        return self


ChannelSettings = Annotated[
    TerminalSettings | SlackSettings | EmailSettings, Field(discriminator="type")
]
