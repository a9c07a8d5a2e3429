"""One conditional GET of a feed, bounded in time, size, redirects and destinations."""

from __future__ import annotations

import base64
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore
import httpx

from ingest.feeds.addresses import (
    AddressRefusedError,
    CheckedBackend,
    DeadlinePassedError,
    NameNotResolvedError,
)
from ingest.feeds.decompress import ACCEPTED, NotDecodableError, TooLargeError, decoded
from ingest.feeds.outcomes import Failure, FailureKind, Fetched, NotModified

USER_AGENT: Final = "undertone/0.1 (feed reader)"
_ACCEPT: Final = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PASSING_STATUSES: Final = frozenset({408, 421, 423, 425, 429})
_MAX_VALIDATOR_CHARS: Final = 1_000
_MAX_RETRY_AFTER_SECONDS: Final = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class RetrievalLimits:
    max_body_bytes: int = 10_000_000
    """Counted after decompression."""
    total_seconds: float = 20.0
    """For everything: name, connection, redirects, body."""
    wait_seconds: float = 15.0
    """For one connection attempt or one read."""
    max_redirects: int = 5


class Retriever:
    """Fetches feeds. Safe to share between threads; holds no connection between calls.

    `proxy` is the address of an HTTP proxy ("http://user:password@host:port"). With one, names are
    resolved by the proxy, and keeping to the public internet is then the proxy's duty.
    """

    def __init__(
        self,
        *,
        limits: RetrievalLimits | None = None,
        user_agent: str = USER_AGENT,
        proxy: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or RetrievalLimits()
        self._user_agent = user_agent
        self._proxy = proxy
        self._now = now
        self._monotonic = monotonic
        self._ssl_context = ssl.create_default_context()

    def retrieve(
        self,
        url: str,
        *,
        etag: str | None = None,
        last_modified: str | None = None,
        allow_private: bool = False,
    ) -> Fetched | NotModified | Failure:
        """The document at `url`, or why there is none. Never raises for what a server does.

        `etag` and `last_modified` come from the last Fetched. Without `allow_private` only
        addresses of the public internet are connected to, at every redirect.
        """
        deadline = self._monotonic() + self._limits.total_seconds
        try:
            return self._follow(
                url, etag, last_modified, allow_private, lambda: deadline - self._monotonic()
            )
        except AddressRefusedError as error:
            return Failure("invalid", f"{error}; set allow_private to read it all the same")
        except NameNotResolvedError as error:
            return Failure("retryable", str(error))
        except (DeadlinePassedError, httpcore.TimeoutException):
            seconds = self._limits.total_seconds
            if self._monotonic() < deadline:
                seconds = min(seconds, self._limits.wait_seconds)
            return Failure("retryable", f"no complete answer within {seconds:g} s")
        except TooLargeError:
            limit = self._limits.max_body_bytes
            return Failure("invalid", f"the document is larger than {limit:,} bytes")
        except NotDecodableError as error:
            return Failure("invalid", str(error))
        except httpcore.ConnectError as error:
            return Failure("retryable", f"no connection: {_cause(error)}")
        except (httpcore.NetworkError, httpcore.ProxyError) as error:
            return Failure("retryable", f"connection lost: {_cause(error)}")
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            return Failure("retryable", f"not a valid HTTP answer: {_cause(error)}")

    def _follow(
        self,
        url: str,
        etag: str | None,
        last_modified: str | None,
        allow_private: bool,
        remaining_seconds: Callable[[], float],
    ) -> Fetched | NotModified | Failure:
        target = _checked_url(url)
        if isinstance(target, Failure):
            return target
        origin = _origin(target)
        authorization = _authorization(target)
        for _ in range(self._limits.max_redirects + 1):
            target = target.copy_with(username=None, password=None, fragment=None)
            headers = self._headers(target, etag, last_modified)
            if authorization and _origin(target) == origin:
                headers.append(("Authorization", authorization))
            with (
                closing(self._pool(allow_private, remaining_seconds)) as pool,
                pool.stream(
                    "GET",
                    str(target),
                    headers=headers,
                    extensions={
                        "timeout": dict.fromkeys(
                            ("connect", "read", "write", "pool"), self._limits.wait_seconds
                        )
                    },
                ) as response,
            ):
                answer = self._answer(response, target)
            if not isinstance(answer, httpx.URL):
                return answer
            target = answer
        return Failure("invalid", f"more than {self._limits.max_redirects} redirects")

    def _answer(
        self, response: httpcore.Response, target: httpx.URL
    ) -> Fetched | NotModified | Failure | httpx.URL:
        """What one response means; an address where it is a redirect."""
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        status = response.status
        if status in _REDIRECTS and "location" in headers:
            return _redirected(target, headers["location"])
        if status == 304:
            return NotModified()
        if status != 200:
            retryable = status >= 500 or status in _PASSING_STATUSES
            wait = self._retry_after_seconds(headers) if status in (429, 503) else None
            kind: FailureKind = "retryable" if retryable else "invalid"
            return Failure(kind, f"HTTP status {status}{_MEANINGS.get(status, '')}", wait, status)
        if int(_digits(headers.get("content-length", "")) or 0) > self._limits.max_body_bytes:
            raise TooLargeError
        return Fetched(
            body=decoded(
                _pieces(response),
                headers.get("content-encoding", ""),
                self._limits.max_body_bytes,
            ),
            headers=headers,
            etag=_validator(headers.get("etag")),
            last_modified=_validator(headers.get("last-modified")),
            url=str(target),
        )

    def _headers(
        self, target: httpx.URL, etag: str | None, last_modified: str | None
    ) -> list[tuple[str, str]]:
        headers = [
            ("Host", target.netloc.decode("ascii")),
            ("User-Agent", self._user_agent),
            ("Accept", _ACCEPT),
            ("Accept-Encoding", ACCEPTED),
            ("Connection", "close"),
        ]
        if etag := _validator(etag):
            headers.append(("If-None-Match", etag))
        if last_modified := _validator(last_modified):
            headers.append(("If-Modified-Since", last_modified))
        return headers

    def _pool(
        self, allow_private: bool, remaining_seconds: Callable[[], float]
    ) -> httpcore.ConnectionPool:
        if self._proxy is None:
            return httpcore.ConnectionPool(
                ssl_context=self._ssl_context,
                network_backend=CheckedBackend(
                    allow_private=allow_private, remaining_seconds=remaining_seconds
                ),
            )
        proxy = httpx.URL(self._proxy)
        return httpcore.HTTPProxy(
            str(proxy.copy_with(username=None, password=None)),
            proxy_auth=(proxy.username, proxy.password) if proxy.userinfo else None,
            ssl_context=self._ssl_context,
            network_backend=CheckedBackend(allow_private=True, remaining_seconds=remaining_seconds),
        )

    def _retry_after_seconds(self, headers: dict[str, str]) -> float | None:
        value = headers.get("retry-after", "").strip()
        if _digits(value):
            return min(float(value), _MAX_RETRY_AFTER_SECONDS)
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - self._now()).total_seconds()
        return min(max(0.0, seconds), _MAX_RETRY_AFTER_SECONDS)


_MEANINGS: Final = {
    401: " (needs a user name and password)",
    403: " (forbidden)",
    404: " (not found)",
    410: " (gone for good)",
    429: " (too many requests)",
    503: " (service unavailable)",
}


def _checked_url(url: str) -> httpx.URL | Failure:
    try:
        target = httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError):
        return Failure("invalid", "the address is not a URL")
    if target.scheme not in ("http", "https"):
        return Failure("invalid", f"only http and https are read, not {target.scheme[:20]!r}")
    if not target.host:
        return Failure("invalid", "the address names no host")
    return target


def _redirected(base: httpx.URL, location: str) -> httpx.URL | Failure:
    try:
        # Browsers and servers agree on UTF-8 here, though the header is Latin-1 by the book.
        joined = str(base.join(location.encode("latin-1").decode("utf-8", "replace")))
    except (httpx.InvalidURL, ValueError):
        return Failure("invalid", "redirected to what is not a URL")
    target = _checked_url(joined)
    if isinstance(target, Failure):
        return Failure("invalid", f"redirected, but {target.reason}")
    return target


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _authorization(url: httpx.URL) -> str | None:
    if not url.userinfo:
        return None
    plain = f"{url.username}:{url.password}".encode()
    return f"Basic {base64.b64encode(plain).decode('ascii')}"


def _validator(value: str | None) -> str | None:
    """A header value as it may be sent back: printable ASCII of sane length, else none."""
    if value is None or len(value) > _MAX_VALIDATOR_CHARS or not value.isprintable():
        return None
    return value.strip() if value.isascii() and value.strip() else None


def _digits(value: str) -> str:
    return value if value.isascii() and value.isdigit() and len(value) < 16 else ""


def _pieces(response: httpcore.Response) -> Iterator[bytes]:
    stream = response.iter_stream()
    yield from stream


def _cause(error: Exception) -> str:
    """The operating system's or the protocol's own words: these never hold an address."""
    inner = error.__cause__ or error.__context__ or error
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"certificate not trusted ({inner.verify_message})"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(error)[:200] or type(error).__name__
