"""Email, against a real SMTP server."""

import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channels.email import EmailChannel
from alerts.channels.protocol import Delivered, Outcome, Rejected, Retryable
from alerts.channels.settings import EmailSettings
from tests.servers import free_port
from tests.unit.alerts.records import message, story
from tests.unit.alerts.servers import Mailbox, mail_server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as running:
        yield running


def settings(port: int = 25, **fields: Any) -> EmailSettings:
    plain = {
        "name": "mail",
        "type": "email",
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "undertone@desk.example",
        "recipients": ["risk@desk.example", "pr@desk.example"],
        "timeout_seconds": 5,
    }
    return EmailSettings.model_validate(plain | fields)


def deliver(mailbox: Mailbox, key: str = "abc:firing:mail", **fields: Any) -> Outcome:
    return EmailChannel(settings(mailbox.port, **fields)).deliver(message(), key)


def parsed(mailbox: Mailbox) -> EmailMessage:
    content = mailbox.mails[-1].content
    assert isinstance(content, bytes)
    return BytesParser(EmailMessage, policy=email.policy.default).parsebytes(content)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def test_a_message_arrives_as_text_and_html(mailbox: Mailbox) -> None:
    assert deliver(mailbox) == Delivered()
    mail = parsed(mailbox)
    assert mail["Subject"] == (
        "Critical: 85% of stories on company Acme Bank are negative (17 of 20)"
    )
    assert mail["From"] == "undertone@desk.example"
    assert mailbox.mails[0].rcpt_tos == ["risk@desk.example", "pr@desk.example"]
    assert "Bank fails" in body(mail, "plain")
    assert '<a href="https://news.example/1">Bank fails</a>' in body(mail, "html")


def test_a_repeat_has_the_same_message_id_and_another_message_another(mailbox: Mailbox) -> None:
    ids = []
    for key in ("a:firing:mail", "a:firing:mail", "a:resolved:mail"):
        deliver(mailbox, key)
        ids.append(parsed(mailbox)["Message-ID"])
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@desk.example>")


def test_no_text_from_outside_starts_a_header(mailbox: Mailbox) -> None:
    hostile = "Bank\r\nBcc: thief@evil.example\r\n\r\nnew body \ud800"
    shown = message(key=hostile, top=(story(hostile, source=hostile),))
    key = "x\r\nBcc: thief@evil.example"
    assert EmailChannel(settings(mailbox.port)).deliver(shown, key) == Delivered()
    mail = parsed(mailbox)
    assert mail["Bcc"] is None
    assert "thief@evil.example" not in str(mailbox.mails[0].rcpt_tos)
    assert "Bcc: thief@evil.example" in mail["Subject"], "it is part of the subject's line"


def test_chinese_headlines_survive(mailbox: Mailbox) -> None:
    shown = message(key="星海银行", top=(story("星海银行被立案调查"),))
    assert EmailChannel(settings(mailbox.port)).deliver(shown, "k") == Delivered()
    mail = parsed(mailbox)
    assert "星海银行" in mail["Subject"]
    assert "星海银行被立案调查" in body(mail, "plain") + body(mail, "html")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("451 try later", Retryable), ("552 too large", Rejected), ("554 spam", Rejected)],
)
def test_4xx_is_for_later_and_5xx_for_good(
    mailbox: Mailbox, answer: str, outcome: type[Outcome]
) -> None:
    mailbox.data_answer = answer
    found = deliver(mailbox)
    assert isinstance(found, outcome)
    assert answer[:3] in str(found)


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        (("550", "550"), Rejected("the mail server answered 550: 2 of 2 recipients refused")),
        (("450", "550"), Retryable("the mail server answered 450: 2 of 2 recipients refused")),
        ((None, "550"), Rejected("the mail server answered 550: 1 of 2 recipients refused")),
        ((None, "450"), Retryable("the mail server answered 450: 1 of 2 recipients refused")),
    ],
)
def test_refused_recipients(
    mailbox: Mailbox, codes: tuple[str | None, str | None], outcome: Outcome
) -> None:
    names = ("risk@desk.example", "pr@desk.example")
    mailbox.refuse_recipients = {
        name: f"{code} no" for name, code in zip(names, codes, strict=True) if code
    }
    assert deliver(mailbox) == outcome
    assert len(mailbox.mails) == (1 if None in codes else 0)


def test_a_login_that_is_right(mailbox: Mailbox) -> None:
    assert deliver(mailbox, username="desk", password="right") == Delivered()
    assert mailbox.logins[0] == (b"desk", b"right")


@pytest.mark.parametrize("password", ["wrong-secret", "秘密-secret"])
def test_a_wrong_password_is_final_and_is_not_shown(mailbox: Mailbox, password: str) -> None:
    found = deliver(mailbox, username="desk", password=password)
    assert isinstance(found, Rejected)
    assert "secret" not in str(found)
    assert "secret" not in repr(settings(username="desk", password=password))


def test_encryption_that_the_server_does_not_offer_is_never_gone_without(mailbox: Mailbox) -> None:
    assert isinstance(deliver(mailbox, security="starttls"), Rejected)
    assert mailbox.mails == []


def test_tls_to_a_server_that_speaks_none_is_for_later(mailbox: Mailbox) -> None:
    assert isinstance(deliver(mailbox, security="tls", timeout_seconds=1), Retryable)


def test_nobody_there_is_for_later() -> None:
    found = EmailChannel(settings(free_port())).deliver(message(), "k")
    assert found == Retryable("mail server 127.0.0.1 does not answer: ConnectionRefusedError")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"recipients": []}, "at least 1"),
        ({"recipients": ["risk"]}, "write it as desk@example.com"),
        ({"sender": "a@b.example\nBcc: c@d.example"}, "no mail address"),
        ({"recipients": ["a@b.example, c@d.example"]}, "no mail address"),
        ({"security": "ssl"}, "starttls"),
        ({"host": "mail.example", "username": "desk"}, "in the clear"),
        ({"pasword": "x"}, "Extra inputs"),
    ],
)
def test_wrong_settings_are_told_how_to_be_right(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(**fields)


def test_a_secret_may_stand_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_PASSWORD", "s3cret")
    assert settings(password="env:DESK_PASSWORD").password.get_secret_value() == "s3cret"
    with pytest.raises(ValidationError, match="the environment has no variable 'NO_SUCH'"):
        settings(password="env:NO_SUCH")
