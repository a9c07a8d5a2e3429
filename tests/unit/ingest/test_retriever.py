from __future__ import annotations

import gzip
import ipaddress
import socket
import threading
import zlib
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import pytest

from ingest.feeds.addresses import is_public
from ingest.feeds.outcomes import Failure, Fetched, NotModified
from ingest.feeds.retriever import RetrievalLimits, Retriever
from tests.unit.ingest.loopback import Loopback, reply

NOON = datetime(2026, 2, 5, 12, tzinfo=UTC)


def retrieve(
    url: str,
    limits: RetrievalLimits | None = None,
    *,
    allow_private: bool = True,
    etag: str | None = None,
    last_modified: str | None = None,
    proxy: str | None = None,
) -> Fetched | NotModified | Failure:
    retriever = Retriever(limits=limits, now=lambda: NOON, proxy=proxy)
    return retriever.retrieve(
        url, allow_private=allow_private, etag=etag, last_modified=last_modified
    )


def failure(outcome: Fetched | NotModified | Failure) -> Failure:
    assert isinstance(outcome, Failure)
    return outcome


def test_a_document_with_its_validators(server: Loopback) -> None:
    url = server.answer(
        "/feed", b"<rss/>", ETag='"v1"', Last_Modified="Thu, 05 Feb 2026 10:00:00 GMT"
    )
    outcome = retrieve(url)
    assert isinstance(outcome, Fetched)
    assert (outcome.body, outcome.etag, outcome.url) == (b"<rss/>", '"v1"', url)
    assert outcome.last_modified == "Thu, 05 Feb 2026 10:00:00 GMT"
    _, headers = server.requests[0]
    assert headers["user-agent"].startswith("undertone/")
    assert "if-none-match" not in headers


def test_a_conditional_request_that_nothing_answers(server: Loopback) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        same = handler.headers["If-None-Match"] == 'W/"v1"'
        reply(handler, b"" if same else b"new", 304 if same else 200)

    server.answers["/feed"] = answer
    outcome = retrieve(server.base + "/feed", etag='W/"v1"', last_modified="yesterday")
    assert isinstance(outcome, NotModified)
    assert server.requests[0][1]["if-modified-since"] == "yesterday"


def test_a_stored_validator_cannot_add_headers(server: Loopback) -> None:
    url = server.answer("/feed", b"x")
    assert isinstance(retrieve(url, etag='"a"\r\nX-Evil: 1'), Fetched)
    assert "x-evil" not in server.requests[0][1]


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"<rss/>" * 1000, mtime=0)),
        (
            "x-gzip",
            gzip.compress(b"<rss/>" * 500, mtime=0) + gzip.compress(b"<rss/>" * 500, mtime=0),
        ),
        ("deflate", zlib.compress(b"<rss/>" * 1000)),
        ("deflate", zlib.compress(b"<rss/>" * 1000)[2:-4]),
        ("identity", b"<rss/>" * 1000),
    ],
)
def test_content_codings(server: Loopback, coding: str, packed: bytes) -> None:
    outcome = retrieve(server.answer("/feed", packed, Content_Encoding=coding))
    assert isinstance(outcome, Fetched)
    assert outcome.body == b"<rss/>" * 1000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb_is_left_at_the_limit(server: Loopback, coding: str) -> None:
    zeros = bytes(200_000_000)
    packed = gzip.compress(zeros) if coding == "gzip" else zlib.compress(zeros)
    outcome = failure(retrieve(server.answer("/feed", packed, Content_Encoding=coding)))
    assert (outcome.kind, outcome.reason) == (
        "invalid",
        "the document is larger than 10,000,000 bytes",
    )


def test_a_body_over_the_limit_is_refused_by_its_length_or_on_the_way(server: Loopback) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 10_000)

    server.answers["/endless"] = endless
    limits = RetrievalLimits(max_body_bytes=100_000)
    for url in (server.answer("/long", b"x" * 100_001), server.base + "/endless"):
        assert "larger than 100,000 bytes" in failure(retrieve(url, limits)).reason


@pytest.mark.parametrize(
    ("coding", "body", "reason"),
    [
        ("gzip", b"not gzip at all", "body is not gzip data"),
        ("gzip", gzip.compress(b"x" * 5000, mtime=0)[:-9], "gzip body breaks off"),
        ("br", b"x", "content coding 'br', which was not asked for"),
        ("gzip, gzip", b"x", "content coding 'gzip, gzip', which was not asked for"),
    ],
)
def test_bodies_that_do_not_decode(server: Loopback, coding: str, body: bytes, reason: str) -> None:
    outcome = failure(retrieve(server.answer("/feed", body, Content_Encoding=coding)))
    assert (outcome.kind, outcome.reason) == ("invalid", reason)


@pytest.mark.parametrize("part", ["headers", "body"])
def test_a_slow_drip_ends_at_the_deadline(server: Loopback, part: str) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        if part == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not stop.wait(0.05):
            handler.wfile.write(b"x")
            handler.wfile.flush()

    server.answers["/feed"] = drip
    limits = RetrievalLimits(total_seconds=0.6, wait_seconds=5)
    outcome = failure(retrieve(server.base + "/feed", limits))
    stop.set()
    assert (outcome.kind, outcome.reason) == ("retryable", "no complete answer within 0.6 s")


def test_redirects_are_followed_and_counted(server: Loopback) -> None:
    server.answer("/feed", b"found")
    server.answer("/moved", status=301, Location="/feed")
    outcome = retrieve(server.base + "/moved")
    assert isinstance(outcome, Fetched)
    assert outcome.url == server.base + "/feed"
    server.answer("/loop", status=302, Location="/loop")
    server.requests.clear()
    assert failure(retrieve(server.base + "/loop")).reason == "more than 5 redirects"
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "redirected, but only http and https are read, not 'file'"),
        ("http://host:port/", "redirected to what is not a URL"),
    ],
)
def test_redirects_elsewhere_are_refused(server: Loopback, location: str, reason: str) -> None:
    outcome = failure(retrieve(server.answer("/feed", status=302, Location=location)))
    assert (outcome.kind, outcome.reason) == ("invalid", reason)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "0.0.0.0", "10.0.0.1"]
)
def test_private_addresses_are_refused_before_any_connection(host: str, server: Loopback) -> None:
    port = server.base.rpartition(":")[2]
    outcome = failure(retrieve(f"http://{host}:{port}/feed", allow_private=False))
    assert outcome.kind == "invalid"
    assert "not on the public internet" in outcome.reason
    assert not server.requests


def test_a_redirect_to_a_private_address_is_refused(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A name whose first answer is taken for public: what a hostile public server would be.
    monkeypatch.setattr("ingest.feeds.addresses.is_public", lambda address: address.packed[-1] == 1)
    server.answer("/inside", b"secret")
    url = server.answer(
        "/feed", status=302, Location=server.base.replace("127.0.0.1", "127.0.0.2") + "/inside"
    )
    outcome = failure(retrieve(url, allow_private=False))
    assert "not on the public internet" in outcome.reason
    assert [path for path, _ in server.requests] == ["/feed"]


def test_the_checked_address_is_the_one_connected_to(
    server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DNS rebinding: the name's second answer would be loopback. It is never asked for.
    answers = iter(["8.8.8.8", "127.0.0.1"])
    asked = []

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    connected = []

    def create_connection(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address[0])
        raise OSError(113, "No route to host")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", create_connection)
    outcome = failure(retrieve("http://rebind.example/feed", allow_private=False))
    assert (asked, connected) == (["rebind.example"], ["8.8.8.8"])
    assert (outcome.kind, outcome.reason) == ("retryable", "no connection: No route to host")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait"),
    [
        (429, {"Retry_After": "120"}, "retryable", 120.0),
        (503, {"Retry_After": "Thu, 05 Feb 2026 12:05:00 GMT"}, "retryable", 300.0),
        (503, {"Retry_After": "soon"}, "retryable", None),
        (429, {"Retry_After": "999999999"}, "retryable", 7 * 86_400.0),
        (500, {}, "retryable", None),
        (404, {}, "invalid", None),
        (410, {}, "invalid", None),
        (204, {}, "invalid", None),
    ],
)
def test_other_statuses(
    server: Loopback, status: int, headers: dict[str, str], kind: str, wait: float | None
) -> None:
    outcome = failure(retrieve(server.answer("/feed", b"", status, **headers)))
    assert (outcome.kind, outcome.retry_after_seconds, outcome.status) == (kind, wait, status)
    assert f"HTTP status {status}" in outcome.reason


def test_a_password_goes_to_its_own_server_and_nowhere_else(server: Loopback) -> None:
    server.answer("/feed", b"x")
    other = server.base.replace("127.0.0.1", "localhost")
    server.answer("/moved", status=302, Location=f"{other}/feed?token=t0ken")
    secret = server.base.replace("http://", "http://user:pa55@")
    outcome = retrieve(f"{secret}/moved?key=k3y")
    assert isinstance(outcome, Fetched)
    assert "pa55" not in outcome.url
    (_, first), (_, second) = server.requests
    assert first["authorization"] == "Basic dXNlcjpwYTU1"
    assert "authorization" not in second


def test_reasons_hold_no_secret(server: Loopback) -> None:
    port = server.base.rpartition(":")[2]
    server.answer("/bad", status=302, Location="ftp://user:pa55@host/?token=t0ken")
    for url in (
        f"http://user:pa55@127.0.0.1:{port}/none?token=t0ken",
        f"http://user:pa55@127.0.0.1:{port}/bad?token=t0ken",
        "http://user:pa55@127.0.0.1:1/?token=t0ken",
        "http://user:pa55@no-such-host.invalid/?token=t0ken",
        "ftp://user:pa55@host/?token=t0ken",
        "http://user:pa55@:99999999/?token=t0ken",
    ):
        reason = failure(retrieve(url)).reason
        assert reason
        assert "pa55" not in reason
        assert "t0ken" not in reason


def test_what_is_not_http_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"220 mail.example ESMTP\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        outcome = failure(retrieve(f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        thread.join()
    assert outcome.kind == "retryable"
    assert outcome.reason.startswith("not a valid HTTP answer")


def test_nobody_listens() -> None:
    outcome = failure(retrieve("http://127.0.0.1:1/feed"))
    assert (outcome.kind, outcome.reason) == ("retryable", "no connection: Connection refused")


def test_a_proxy_is_asked_instead(server: Loopback) -> None:
    server.answers["http://feeds.example/feed"] = lambda handler: reply(handler, b"via proxy")
    proxy = server.base.replace("http://", "http://u:p@")
    outcome = retrieve("http://feeds.example/feed", proxy=proxy, allow_private=False)
    assert isinstance(outcome, Fetched)
    assert outcome.body == b"via proxy"
    assert server.requests[0][1]["proxy-authorization"] == "Basic dTpw"
