"""Alerts by email, as text and HTML, through an SMTP server."""

import contextlib
import hashlib
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
        host = self._settings.host
        mail = self.compose(message, idempotency_key)
        try:
            refused = self._send(mail)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except smtplib.SMTPResponseException as error:
            return _by_code(error.smtp_code, type(error).__name__)
        except ssl.SSLCertVerificationError as error:
            return Rejected(f"mail server {host}: its certificate: {error.verify_message}")
        except smtplib.SMTPNotSupportedError as error:
            return Rejected(f"mail server {host}: {error}")
        except UnicodeError:
            return Rejected(f"mail server {host}: it takes names and passwords in ASCII only")
        except (OSError, smtplib.SMTPException) as error:
            return Retryable(f"mail server {host} does not answer: {type(error).__name__}")
        if refused:
            # As long as one may be taken later; the others know the Message-ID of a repeat.
            code = min(code for code, _ in refused.values())
            count = f"{len(refused)} of {len(self._settings.recipients)} recipients refused"
            return _by_code(code, count)
        return Delivered()

    def compose(self, message: Message, idempotency_key: str) -> EmailMessage:
        """The mail. Line breaks in a headline cannot start a header: they become spaces."""
        mail = EmailMessage()
        mail["Subject"] = " ".join(headline(message).split())
        mail["From"] = self._settings.sender
        mail["To"] = ", ".join(self._settings.recipients)
        mail["Date"] = formatdate(message.alert.started.timestamp())
        digest = hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]
        mail["Message-ID"] = f"<{digest}@{self._settings.sender.rpartition('@')[2]}>"
        mail["X-Undertone-Alert"] = message.alert.id
        mail.set_content(text(message))
        mail.add_alternative(markup(message), subtype="html")
        return mail

    def _send(self, mail: EmailMessage) -> dict[str, tuple[int, bytes]]:
        """The recipients that were refused, while others were not; raises what smtplib raises."""
        settings = self._settings
        server = self._connect()
        try:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.username:
                server.login(settings.username, settings.password.get_secret_value())
            refused = server.send_message(mail)
            # The mail is taken over: what goes wrong in taking leave is no failure.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            return refused
        finally:
            server.close()

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
