"""Alerts to Slack, through an incoming webhook."""

import logging
import re
from functools import cached_property

import httpx

from alerts.channels.protocol import Delivered, Outcome, Rejected, Retryable
from alerts.channels.settings import SlackSettings
from alerts.messages import Message, slack_payload

_ERROR_WORD = re.compile(r"[a-z_]{3,60}")
_BODY_BYTES = 1_000


class SlackChannel:
    """Posts Block Kit; the webhook's address shows in no reason and no log."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings
        logging.getLogger("httpx").addFilter(_HiddenAddress(settings))

    @cached_property
    def _client(self) -> httpx.Client:
        """One for all messages: to read the certificates takes longer than to send."""
        return httpx.Client(timeout=self._settings.timeout_seconds)

    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        # Nothing of one message goes into the next.
        self._client.cookies.clear()
        try:
            with self._client.stream(
                "POST",
                self._settings.webhook_url.get_secret_value(),
                json=slack_payload(message),
                headers={"Idempotency-Key": idempotency_key},
            ) as response:
                return _outcome(response)
        except httpx.InvalidURL:
            return Rejected("Slack: the webhook's address is not one")
        except httpx.HTTPError as error:
            return Retryable(f"Slack does not answer: {type(error).__name__}")


def _outcome(response: httpx.Response) -> Outcome:
    if response.is_success:
        return Delivered()
    reason = f"Slack answered {response.status_code}"
    if response.status_code in (408, 429) or response.status_code >= 500:
        return Retryable(reason, _retry_after(response))
    # Slack says why in one word (no_service); another body could repeat the address.
    body = next(response.iter_bytes(_BODY_BYTES), b"").decode("ascii", "replace").strip()
    return Rejected(f"{reason}: {body}" if _ERROR_WORD.fullmatch(body) else reason)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of the header; Slack always gives a number."""
    value = response.headers.get("Retry-After", "").strip()
    return float(value) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) else None


class _HiddenAddress(logging.Filter):
    """Takes the webhook's address out of the line that httpx logs for each request."""

    def __init__(self, settings: SlackSettings) -> None:
        super().__init__()
        self._settings = settings

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            address = self._settings.webhook_url.get_secret_value()
            record.args = tuple(
                "<webhook>" if isinstance(item, httpx.URL) and item == address else item
                for item in record.args
            )
        return True
