"""Where the token of an OAUTHBEARER login comes from."""

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
from kafka.errors import KafkaConnectionError
from kafka.net.sasl.oauth import AbstractTokenProvider

from monitor.bus_settings import TokenLogin

ANSWER_TIMEOUT_SECONDS = 5.0
"""Heartbeats wait meanwhile, so it is well below the session's timeout."""
FRESH_SHARE = 0.8
"""Of its life a token is used for so long before a new one is asked for."""
UNSTATED_LIFE_SECONDS = 60.0


class Tokens(AbstractTokenProvider):  # type: ignore[misc, unused-ignore]
    """Gives kafka-python a token; an error of it names where the token was to come from."""

    def __init__(self, login: TokenLogin) -> None:
        self._login = login
        self._source: Callable[[], str] = (
            _File(login.token_file).token if login.token_file else _Server(login).token
        )
        self.problem: str | None = None
        """Why there was no token when one was last asked for."""

    def token(self) -> str:
        try:
            found = self._source()
        except _NoToken as error:
            self.problem = str(error)
            # Kafka takes it for a failed connection, and we try again: it is not our login's end.
            raise KafkaConnectionError(self.problem) from error
        self.problem = None
        return found

    def extensions(self) -> Mapping[str, str]:
        return self._login.extensions


class _NoToken(Exception):
    """There is none; the message holds no secret."""


class _File:
    """A file that something else keeps fresh, such as a projected service account token."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        try:
            found = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise _NoToken(f"bus.sasl.token_file: {self._path}: {_reason(error)}") from error
        if not found:
            raise _NoToken(f"bus.sasl.token_file: {self._path} is empty")
        return found


class _Server:
    """The client-credentials grant of OAuth 2 (RFC 6749, 4.4); a token serves for most of its
    life. Clients of Kafka share it, each from a thread of its own."""

    def __init__(self, login: TokenLogin) -> None:
        assert login.token_url and login.client_id and login.client_secret
        self._url = login.token_url
        self._login = login
        self._credentials = (login.client_id, login.client_secret)
        self._lock = threading.Lock()
        self._token = ""
        self._fresh_until = 0.0

    def token(self) -> str:
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._token, life_seconds = self._ask()
                self._fresh_until = time.monotonic() + FRESH_SHARE * life_seconds
            return self._token

    def _ask(self) -> tuple[str, float]:
        where = f"bus.sasl.token_url: {self._url}"
        client_id, secret = self._credentials
        form = {"grant_type": "client_credentials"}
        if self._login.scope:
            form["scope"] = self._login.scope
        try:
            trusted = ssl.create_default_context(cafile=self._login.ca_file)
            answer = httpx.post(
                self._url,
                data=form,
                auth=(client_id, secret.get_secret_value()),
                timeout=ANSWER_TIMEOUT_SECONDS,
                verify=trusted,
            )
        except (httpx.HTTPError, OSError) as error:
            raise _NoToken(f"{where} does not answer: {_reason(error)}") from error
        if not answer.is_success:
            raise _NoToken(f"{where} answers HTTP {answer.status_code}")
        try:
            body = answer.json()
            token, life_seconds = body["access_token"], body.get("expires_in")
            life_seconds = float(life_seconds or UNSTATED_LIFE_SECONDS)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise _NoToken(f"{where} answers without an access_token") from error
        if not isinstance(token, str) or not token:
            raise _NoToken(f"{where} answers without an access_token")
        return token, life_seconds


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
