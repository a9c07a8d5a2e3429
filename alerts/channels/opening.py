"""From a channel's settings to the channel."""

from typing import TextIO

from alerts.channels.email import EmailChannel
from alerts.channels.protocol import Channel
from alerts.channels.settings import EmailSettings, SlackSettings, TerminalSettings
from alerts.channels.slack import SlackChannel
from alerts.channels.terminal import TerminalChannel


def open_channel(
    settings: TerminalSettings | SlackSettings | EmailSettings, stream: TextIO
) -> Channel:
    """The channel that the settings describe; `stream` is where a terminal channel writes."""
    match settings:
        case TerminalSettings():
            return TerminalChannel(stream)
        case SlackSettings():
            return SlackChannel(settings)
        case EmailSettings():
            return EmailChannel(settings)
