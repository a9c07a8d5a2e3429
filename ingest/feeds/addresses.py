"""Which network addresses a feed may come from, and connecting to exactly those.

The name is resolved once, the addresses are checked and the connection goes to a checked one: a
name server that answers differently the second time (DNS rebinding) gains nothing. Every
redirect opens its own connection, so it passes here as well.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefusedError(Exception):
    """The host resolves only to addresses that a feed may not come from."""


class NameNotResolvedError(Exception):
    """The host has no address, or the resolver did not answer in time."""


class DeadlinePassedError(Exception):
    """The time for the whole retrieval is used up."""


def is_public(address: Address) -> bool:
    """Whether the address is of the public internet: not private, loopback, link-local, shared,
    multicast or reserved; also not as an IPv4 address wrapped in an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        for inner in (address.ipv4_mapped, address.sixtofour, *(address.teredo or ())):
            if inner is not None and not is_public(inner):
                return False
        if address in _NAT64 and not is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)):
            return False
        if address.ipv4_mapped is not None:
            return True
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def resolve(host: str, port: int, timeout_seconds: float) -> list[str]:
    """Addresses of `host`, in the resolver's order; raises NameNotResolvedError."""
    found: list[str] = []
    problem: list[OSError | UnicodeError] = []

    def ask() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                if str(address[0]) not in found:
                    found.append(str(address[0]))
        except (OSError, UnicodeError) as error:
            problem.append(error)

    # The system's resolver takes no time limit; a thread that it holds up ends by itself later.
    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(timeout_seconds)
    if asking.is_alive():
        raise NameNotResolvedError("the name server did not answer in time")
    if problem or not found:
        raise NameNotResolvedError("no such host name, or the name server does not answer")
    return list(found)


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections to permitted addresses only, and ends every wait at one deadline."""

    def __init__(self, *, allow_private: bool, remaining_seconds: Callable[[], float]) -> None:
        self._allow_private = allow_private
        self._remaining_seconds = remaining_seconds
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = resolve(host, port, _shorter(timeout, self._remaining_seconds()))
        if not self._allow_private:
            addresses = [one for one in addresses if is_public(ipaddress.ip_address(_bare(one)))]
            if not addresses:
                raise AddressRefusedError("the host is not on the public internet")
        problem: Exception | None = None
        for address in addresses[:4]:
            try:
                stream = self._backend.connect_tcp(
                    address,
                    port,
                    _shorter(timeout, self._remaining_seconds()),
                    local_address,
                    socket_options,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
            else:
                return _DeadlineStream(stream, self._remaining_seconds)
        assert problem is not None
        raise problem


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose waits end at the deadline: a server that sends a byte now and then, in the
    handshake, the headers or the body, resets a time limit per read but not this one."""

    def __init__(
        self, stream: httpcore.NetworkStream, remaining_seconds: Callable[[], float]
    ) -> None:
        self._stream = stream
        self._remaining_seconds = remaining_seconds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _shorter(timeout, self._remaining_seconds()))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _shorter(timeout, self._remaining_seconds()))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        timeout = _shorter(timeout, self._remaining_seconds())
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _DeadlineStream(stream, self._remaining_seconds)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _shorter(timeout: float | None, remaining_seconds: float) -> float:
    if remaining_seconds <= 0:
        raise DeadlinePassedError
    return remaining_seconds if timeout is None else min(timeout, remaining_seconds)


def _bare(address: str) -> str:
    return address.partition("%")[0]
