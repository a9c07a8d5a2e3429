"""Alerts to Slack, through an incoming webhook."""

import httpx

from alerts.channels.protocol import Delivered, Outcome, Rejected, Retryable
from alerts.channels.settings import SlackSettings
from alerts.messages import Message, slack_payload


class SlackChannel:
    """Posts Block Kit; the webhook's address never shows in a reason."""

    def __init__(self, settings: SlackSettings) -> None:
        self._settings = settings

    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        try:
            response = httpx.post(
                self._settings.webhook_url.get_secret_value(),
                json=slack_payload(message),
                headers={"Idempotency-Key": idempotency_key},
                timeout=self._settings.timeout_seconds,
            )
        except httpx.InvalidURL:
            return Rejected("Slack: the webhook's address is not one")
        except httpx.HTTPError as error:
            return Retryable(f"Slack does not answer: {type(error).__name__}")
        if response.is_success:
            return Delivered()
        reason = f"Slack answered {response.status_code}"
        if response.status_code == 429 or response.status_code >= 500:
            return Retryable(reason, _retry_after(response))
        return Rejected(f"{reason}: {response.text[:100].strip()}")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds of the header; Slack always gives a number."""
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):
        return None
