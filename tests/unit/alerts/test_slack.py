"""Slack, against a real HTTP server."""

import json
import logging
import socket
from collections.abc import Iterator

import pytest

from alerts.channels.protocol import Delivered, Outcome, Rejected, Retryable
from alerts.channels.settings import SlackSettings
from alerts.channels.slack import SlackChannel
from tests.servers import free_port
from tests.unit.alerts.records import message
from tests.unit.alerts.servers import Hook, webhook

SECRET = "/services/T000/B000/kq0XyzSecret"


@pytest.fixture
def hook() -> Iterator[Hook]:
    with webhook(SECRET) as running:
        yield running


def channel(url: str, timeout_seconds: float = 5.0) -> SlackChannel:
    return SlackChannel(
        SlackSettings.model_validate(
            {
                "name": "desk",
                "type": "slack",
                "webhook_url": url,
                "timeout_seconds": timeout_seconds,
            }
        )
    )


def deliver(hook: Hook) -> Outcome:
    return channel(hook.url).deliver(message(), "abc:firing:desk")


def test_a_message_arrives_as_block_kit_with_its_key(hook: Hook) -> None:
    assert deliver(hook) == Delivered()
    path, headers, body = hook.requests[0]
    assert path == SECRET
    assert headers["Idempotency-Key"] == "abc:firing:desk"
    assert json.loads(body)["blocks"][0]["type"] == "header"


def test_nothing_of_one_message_goes_into_the_next(hook: Hook) -> None:
    desk = channel(hook.url)
    hook.status, hook.headers = 500, {"Set-Cookie": "route=7"}
    assert desk.deliver(message(), "abc:firing:desk") == Retryable("Slack answered 500", None)
    hook.status = 200
    assert desk.deliver(message(), "abd:firing:desk") == Delivered()
    _, headers, _ = hook.requests[1]
    assert headers["Idempotency-Key"] == "abd:firing:desk"
    assert "Cookie" not in headers


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("30", 30.0), ("1.5", 1.5), ("soon", None), ("-1", None), ("inf", None), (None, None)],
)
def test_too_many_requests_is_for_later_by_retry_after(
    hook: Hook, written: str | None, seconds: float | None
) -> None:
    hook.status = 429
    hook.headers = {} if written is None else {"Retry-After": written}
    assert deliver(hook) == Retryable("Slack answered 429", seconds)


@pytest.mark.parametrize("status", [500, 502, 503, 408])
def test_an_ill_server_is_for_later(hook: Hook, status: int) -> None:
    hook.status = status
    assert deliver(hook) == Retryable(f"Slack answered {status}", None)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_a_refusal_is_final_and_says_slacks_word(hook: Hook, status: int) -> None:
    hook.status, hook.body = status, b"no_service"
    assert deliver(hook) == Rejected(f"Slack answered {status}: no_service")


def test_a_redirect_is_not_followed(hook: Hook) -> None:
    hook.status, hook.headers = 302, {"Location": "http://127.0.0.1:9/elsewhere"}
    assert deliver(hook) == Rejected("Slack answered 302")
    assert len(hook.requests) == 1


def test_nobody_there_is_for_later() -> None:
    outcome = channel(f"http://127.0.0.1:{free_port()}{SECRET}").deliver(message(), "k")
    assert outcome == Retryable("Slack does not answer: ConnectError")


def test_a_server_that_says_nothing_is_for_later() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}{SECRET}"
        outcome = channel(url, timeout_seconds=0.2).deliver(message(), "k")
    assert outcome == Retryable("Slack does not answer: ReadTimeout")


def test_the_address_shows_nowhere(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # A command that ran in this process before has made it quieter.
    caplog.set_level(logging.DEBUG, logger="httpx")
    hook.status = 404
    hook.body = f"The requested URL {SECRET} was not found".encode()
    assert deliver(hook) == Rejected("Slack answered 404")
    hook.status = 200
    assert deliver(hook) == Delivered()
    assert "<webhook>" in caplog.text, "httpx logs the request, without its address"
    assert SECRET not in caplog.text
    assert SECRET not in repr(channel(hook.url)._settings)
    assert SECRET not in str(channel(f"http://[{SECRET}").deliver(message(), "k"))
