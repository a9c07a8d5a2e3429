"""Alerts as panels on a terminal."""

import io
from typing import TextIO

from rich.console import Console
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from alerts.channels.protocol import Delivered, Outcome, Retryable
from alerts.messages import Message, colour, facts, headline, origin, safe_link, title, top_stories

PLAIN_WIDTH = 110
"""Columns where the stream is no terminal."""


class TerminalChannel:
    """Writes to a stream; colours only where it is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        try:
            self._stream.write(self._drawn(message))
            self._stream.flush()
        except OSError as error:
            return Retryable(f"the terminal cannot be written to: {error.strerror}")
        return Delivered()

    def _drawn(self, message: Message) -> str:
        """Drawn aside: rich ends the process when the stream that it draws on is gone."""
        terminal = self._stream.isatty()
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        # A terminal that cannot show Chinese gets question marks, and still the alert.
        paper = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace", newline="")
        width = Console(file=self._stream).width if terminal else PLAIN_WIDTH
        Console(file=paper, force_terminal=terminal, width=width).print(panel(message))
        paper.seek(0)
        return paper.read()


def panel(message: Message) -> Panel:
    """An alert as a panel; titles from outside are never read as rich markup."""
    grid = Table.grid(padding=(0, 2))
    for name, value in facts(message):
        grid.add_row(Text(name, style="dim"), Text(value))
    for number, story in enumerate(top_stories(message.alerts)):
        link = story.url if safe_link(story.url) else None
        line = Text(title(story), style=Style(bold=True, link=link))
        line.append(f"  {origin(story)}", style="dim")
        grid.add_row(Text("Headlines" if number == 0 else "", style="dim"), line)
    if safe_link(message.link):
        grid.add_row(Text("Alert", style="dim"), Text(f"{message.alert.id}  {message.link}"))
    tone = colour(message)
    return Panel(grid, title=Text(headline(message), style=f"bold {tone}"), border_style=tone)
