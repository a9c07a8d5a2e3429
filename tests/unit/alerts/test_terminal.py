"""The terminal channel, and the way from settings to channels."""

import io

import pytest
from pydantic import TypeAdapter, ValidationError

from alerts.channels.email import EmailChannel
from alerts.channels.opening import open_channel
from alerts.channels.protocol import Delivered, Retryable
from alerts.channels.settings import ChannelSettings
from alerts.channels.slack import SlackChannel
from alerts.channels.terminal import TerminalChannel
from alerts.messages import Message
from tests.unit.alerts.records import alert, message, story

SETTINGS: TypeAdapter[ChannelSettings] = TypeAdapter(ChannelSettings)


def shown(message: Message) -> str:
    stream = io.StringIO()
    assert TerminalChannel(stream).deliver(message, "k") == Delivered()
    return stream.getvalue()


def test_the_panel_says_the_alert_with_its_headlines() -> None:
    panel = shown(message())
    for wanted in ("85% of stories on company Acme Bank", "Bank fails", "(sample)", "2026-01-01"):
        assert wanted in panel
    assert "console.example/alerts/1" in panel
    assert "\x1b" not in panel, "no colours where there is no terminal"


def test_headlines_are_no_markup_and_steer_no_terminal() -> None:
    panel = shown(message(top=(story("[red]x[/red] [/] \x1b[2J\x07 boom", url="https://a\x1b"),)))
    assert "[red]x[/red] [/]" in panel
    assert "\x1b" not in panel
    assert "\x07" not in panel


def test_a_terminal_without_chinese_still_gets_the_alert() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    outcome = TerminalChannel(stream).deliver(message(top=(story("星海银行 falls"),)), "k")
    assert outcome == Delivered()
    assert b"???? falls" in raw.getvalue()


def test_a_terminal_that_is_gone_is_for_later() -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError(32, "Broken pipe")

    found = TerminalChannel(Gone()).deliver(Message("firing", alert()), "k")
    assert found == Retryable("the terminal cannot be written to: Broken pipe")


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        ({"type": "terminal", "name": "t"}, TerminalChannel),
        ({"type": "slack", "name": "s", "webhook_url": "https://hooks.example/x"}, SlackChannel),
        (
            {"type": "email", "name": "m", "host": "h", "sender": "a@b.c", "recipients": ["d@e.f"]},
            EmailChannel,
        ),
    ],
)
def test_settings_open_their_channel(plain: dict[str, object], kind: type) -> None:
    assert isinstance(open_channel(SETTINGS.validate_python(plain), io.StringIO()), kind)


@pytest.mark.parametrize(
    "plain",
    [
        {"type": "pager", "name": "p"},
        {"type": "terminal", "name": "a b"},
        {"type": "terminal", "name": "t", "colour": "red"},
        {"type": "slack", "name": "s", "webhook_url": "hooks.example/secret-part"},
    ],
)
def test_wrong_settings_are_refused_without_their_secrets(plain: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        SETTINGS.validate_python(plain)
    assert "secret-part" not in "".join(str(e["msg"]) for e in caught.value.errors())
