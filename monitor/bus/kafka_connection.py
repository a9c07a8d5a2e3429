"""Where the brokers are, and how to talk to them."""

import logging
import ssl
from collections.abc import Callable
from typing import Any

from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidRecordError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from monitor.bus.tokens import Tokens
from monitor.bus_settings import PasswordLogin, SaslSettings, TlsSettings
from monitor.failures import Unavailable, UsageError

CONNECT_TIMEOUT_MILLISECONDS = 10_000
_TELLING_LOGS = (
    "kafka.admin.client",
    "kafka.consumer.group",
    "kafka.net.connection",
    "kafka.producer.kafka",
    "kafka.protocol.parser",
)
"""At the level of debugging they write requests and settings out, a login's password with them."""

_REFUSALS: dict[type[KafkaError], str] = {
    MessageSizeTooLargeError: "it is larger than the topic takes (max.message.bytes)",
    RecordListTooLargeError: "it is larger than the broker's segments",
    TopicAuthorizationFailedError: "we are not allowed to write there",
    ClusterAuthorizationFailedError: "we are not allowed to write (idempotently) to the cluster",
    InvalidTopicError: "that is no name of a topic",
    InvalidRecordError: "it breaks a rule of the broker's",
}
REFUSALS = tuple(_REFUSALS)
"""What no trying again changes; everything else may pass."""

_REFUSED = (SaslAuthenticationFailedError, UnsupportedSaslMechanismError)


class KafkaConnection:
    """Where the brokers are and how to talk to them."""

    def __init__(
        self,
        bootstrap_servers: str,
        tls: TlsSettings | None = None,
        sasl: SaslSettings | None = None,
        compression: str = "zstd",
        max_poll_seconds: float = 300.0,
    ) -> None:
        self.bootstrap_servers = bootstrap_servers
        self.compression = None if compression == "none" else compression
        self.max_poll_seconds = max_poll_seconds
        self._tls = tls
        self._sasl = sasl
        self._failure: BaseException | None = None
        self._at_the_login = False
        self._tokens = Tokens(sasl) if sasl and not isinstance(sasl, PasswordLogin) else None

    def options(self) -> dict[str, Any]:
        """What any client of kafka-python is made with. Raises UsageError where files of
        certificates cannot be used; they are read anew for each client."""
        found: dict[str, Any] = {
            "bootstrap_servers": [part.strip() for part in self.bootstrap_servers.split(",")],
            "client_id": "undertone",
            "bootstrap_timeout_ms": CONNECT_TIMEOUT_MILLISECONDS,
            "kafka_client": self._client,
            "security_protocol": ("SASL_" if self._sasl else "")
            + ("SSL" if self._tls else "PLAINTEXT"),
        }
        if self._tls:
            found["ssl_context"] = tls_context(self._tls)
        if self._sasl:
            for name in _TELLING_LOGS:
                logging.getLogger(name).addFilter(_above_debugging)
            found["sasl_mechanism"] = self._sasl.mechanism
        if isinstance(self._sasl, PasswordLogin):
            found["sasl_plain_username"] = self._sasl.username
            found["sasl_plain_password"] = self._sasl.password.get_secret_value()
        elif self._tokens:
            found["sasl_oauth_token_provider"] = self._tokens
        return found

    def unavailable(self, error: Exception) -> Unavailable:
        """The error in words that name the servers and no secret."""
        where, failure = f"Kafka at {self.bootstrap_servers}", self._failure
        if self._tokens and self._tokens.problem:
            return Unavailable(f"{where} cannot be logged in to: {self._tokens.problem}")
        if self._tls and "[SSL" in (reason := str(failure)):
            return Unavailable(f"{where}: no TLS with it, look at the certificates: {reason}")
        if self._sasl and self._at_the_login:
            user = f"of '{self._sasl.username}' " if isinstance(self._sasl, PasswordLogin) else ""
            return Unavailable(
                f"{where} answers, but the login {user}({self._sasl.mechanism}) fails: "
                f"{type(failure).__name__}"
            )
        return Unavailable(f"{where} does not answer: {type(error).__name__}")

    def refused(self, topic: str, error: KafkaError) -> str:
        """What a broker has against a record, in words; `topic` is its name in Kafka."""
        return (
            f"Kafka at {self.bootstrap_servers} refuses a record for topic '{topic}': "
            f"{_REFUSALS[type(error)]} ({type(error).__name__})"
        )

    def _client(self, **configs: Any) -> KafkaNetClient:
        net = NetworkSelector(**configs)
        return KafkaNetClient(net, _Watched(net, self._note, **configs), **configs)

    def _note(self, failure: BaseException | None, knows_the_broker: bool) -> None:
        self._failure = failure
        self._at_the_login = failure is not None and (
            isinstance(failure, _REFUSED) or knows_the_broker
        )


class _Watched(KafkaConnectionManager):  # type: ignore[misc, unused-ignore]
    """Tells how each connection came out: kafka-python itself says only that there is none."""

    def __init__(
        self,
        net: NetworkSelector,
        note: Callable[[BaseException | None, bool], None],
        **configs: Any,
    ) -> None:
        super().__init__(net, **configs)  # type: ignore[no-untyped-call, unused-ignore]
        self._note = note

    def get_connection(self, *args: Any, **options: Any) -> Any:
        connection = super().get_connection(*args, **options)  # type: ignore[no-untyped-call, unused-ignore]
        if not connection.init_future.is_done:
            # A broker's version is asked before the login, which ends in a closed connection.
            connection.init_future.add_callback(lambda _: self._note(None, True))
            connection.init_future.add_errback(
                lambda failure: self._note(failure, connection.broker_version_data is not None)
            )
        return connection


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """TLS 1.2 or later with the brokers' certificates checked. Raises UsageError."""
    name = "ca_file"
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.check_hostname = settings.check_hostname
        if settings.certificate_file:
            name = "certificate_file, key_file"
            password = settings.key_password
            context.load_cert_chain(
                settings.certificate_file,
                settings.key_file,
                # Without a password OpenSSL would ask for one at the terminal.
                password.get_secret_value() if password else lambda: "",
            )
    except (OSError, ValueError) as error:
        where = {
            "ca_file": settings.ca_file,
            "certificate_file, key_file": settings.key_file or settings.certificate_file,
        }[name]
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UsageError(f"bus.tls.{name}: {where}: {reason}") from error
    return context


def _above_debugging(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG
