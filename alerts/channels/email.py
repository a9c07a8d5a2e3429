"""Alerts by email, as text and HTML, through an SMTP server."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate

from alerts.channels.protocol import Delivered, Outcome, Rejected, Retryable
from alerts.channels.settings import EmailSettings
from alerts.messages import Message, headline, markup, text


class EmailChannel:
    """Sends one mail a message; its Message-ID comes from the idempotency key."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        settings = self._settings
        mail = self.compose(message, idempotency_key)
        try:
            with self._connect() as server:
                if settings.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
                if settings.username:
                    server.login(settings.username, settings.password.get_secret_value())
                refused = server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _by_code(max(codes), "every recipient was refused")
        except smtplib.SMTPResponseException as error:
            return _by_code(error.smtp_code, type(error).__name__)
        except ssl.SSLError as error:
            return Rejected(f"mail server {settings.host}: TLS failed: {error.reason}")
        except smtplib.SMTPNotSupportedError as error:
            return Rejected(f"mail server {settings.host}: {error}")
        except (OSError, smtplib.SMTPException) as error:
            return Retryable(f"mail server {settings.host} does not answer: {type(error).__name__}")
        if refused:
            return Rejected(f"mail server {settings.host} refused {len(refused)} recipients")
        return Delivered()

    def compose(self, message: Message, idempotency_key: str) -> EmailMessage:
        """The mail. Line breaks in a headline cannot start a header: they become spaces."""
        mail = EmailMessage()
        mail["Subject"] = " ".join(headline(message).split())
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.recipients)
        mail["Date"] = formatdate(message.alert.started.timestamp())
        safe_key = "".join(char if char.isalnum() else "." for char in idempotency_key)
        mail["Message-ID"] = f"<{safe_key}@{self._settings.sender.rpartition('@')[2]}>"
        mail["X-Undertone-Alert"] = message.alert.id
        mail.set_content(text(message))
        mail.add_alternative(markup(message), subtype="html")
        return mail

    def _connect(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            return smtplib.SMTP_SSL(
                settings.host,
                settings.port,
                timeout=settings.timeout_seconds,
                context=ssl.create_default_context(),
            )
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_seconds)


def _by_code(code: int, what: str) -> Outcome:
    """4xx is for now, 5xx for good (RFC 5321, section 4.2.1)."""
    reason = f"the mail server answered {code}: {what}"
    return Rejected(reason) if code >= 500 else Retryable(reason)
