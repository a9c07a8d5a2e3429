"""What a user says about the bus."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from alerts.channels.settings import Secret

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsSettings(_Part):
    """An encrypted way to the brokers; `{}` trusts the authorities that this machine trusts."""

    ca_file: Path | None = None
    """Certificates of the authorities that the brokers' are signed by (PEM)."""
    certificate_file: Path | None = None
    """Our own certificate (PEM), where brokers ask for one; the key may stand in the same file."""
    key_file: Path | None = None
    key_password: Secret | None = None
    check_hostname: bool = True
    """Whether a broker's certificate must name the host that we asked for."""

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> "TlsSettings":
        if self.certificate_file is None and (self.key_file or self.key_password):
            raise ValueError("a key is of use only with certificate_file")
        return self


class PasswordLogin(_Part):
    """A user and a password."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    username: str = Field(min_length=1)
    password: Secret


class TokenLogin(_Part):
    """A token from a file that something else keeps fresh, or from an OAuth 2 server that gives
    one for a client's id and secret."""

    mechanism: Literal["OAUTHBEARER"]
    token_file: Path | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    scope: str = ""
    ca_file: Path | None = None
    """Authorities that the token server's certificate is signed by; by default this machine's."""
    extensions: dict[str, str] = {}
    """What the brokers want to be told beside the token."""

    @model_validator(mode="after")
    def _one_source(self) -> "TokenLogin":
        asked = (self.token_url, self.client_id, self.client_secret)
        if (self.token_file is None) == (self.token_url is None):
            raise ValueError("set either token_file, or token_url, client_id and client_secret")
        if self.token_url is None:
            if any(asked):
                raise ValueError("client_id and client_secret go with token_url")
            return self
        if not all(asked):
            raise ValueError("token_url needs client_id and client_secret")
        parts = urlsplit(self.token_url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("token_url must begin with https://: the client's secret goes there")
        return self


SaslSettings = Annotated[PasswordLogin | TokenLogin, Field(discriminator="mechanism")]


class BusSettings(_Part):
    """Where records travel."""

    kind: Literal["embedded", "kafka"] = "embedded"
    bootstrap_servers: str = "127.0.0.1:9092"
    tls: TlsSettings | None = None
    sasl: SaslSettings | None = None
    topic_prefix: str = Field("undertone.", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    topics: Literal["create", "check"] = "create"
    """Whether topics that are missing are made; `check` is for clusters where others make them."""
    partitions: int = Field(1, ge=1, le=1_000)
    replication_factor: int = Field(1, ge=1, le=9)
    min_insync_replicas: int | None = Field(None, ge=1, le=9)
    """How many replicas have a record before it counts as written; by default one less than there
    are, at most two, so that one broker may be away."""
    compression: Literal["none", "gzip", "zstd"] = "zstd"
    max_poll_seconds: float = Field(300.0, ge=10, le=3_600)
    """For how long a consumer that is busy keeps its partitions without a sign from its loop."""
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

    @model_validator(mode="after")
    def _login_is_covered(self) -> "BusSettings":
        if self.sasl is None or self.tls or self.sasl.mechanism.startswith("SCRAM"):
            return self
        for server in self.bootstrap_servers.split(","):
            host = urlsplit(f"//{server.strip()}").hostname
            if host not in _LOOPBACK:
                raise ValueError(
                    f"sasl: {self.sasl.mechanism} would send the secret to {host} in the clear; "
                    "set tls too (tls: {} trusts the usual authorities)"
                )
        return self

    @property
    def in_sync(self) -> int:
        """`min_insync_replicas`, or what it is by default."""
        return self.min_insync_replicas or max(1, min(2, self.replication_factor - 1))
