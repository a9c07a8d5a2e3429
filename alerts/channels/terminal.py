"""Alerts as panels on a terminal."""

from typing import TextIO

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from alerts.channels.protocol import Delivered, Outcome
from alerts.messages import Message, facts, headline, moment, safe_link


class TerminalChannel:
    """Writes to a stream; colours only where it is a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, width=None if stream.isatty() else 110)

    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        self._console.print(panel(message))
        return Delivered()


def panel(message: Message) -> Panel:
    """An alert as a panel; titles from outside are never read as rich markup."""
    colour = "green" if message.event == "resolved" else "red"
    grid = Table.grid(padding=(0, 2))
    for name, value in facts(message):
        grid.add_row(Text(name, style="dim"), Text(value))
    for number, story in enumerate(message.alert.top):
        title = Text(story.title, style="bold")
        if safe_link(story.url):
            title.stylize(f"link {story.url}")
        title.append(f"  {story.source}, {moment(story.published)}", style="dim")
        grid.add_row(Text("Headlines" if number == 0 else "", style="dim"), title)
    if message.link:
        grid.add_row(Text("Alert", style="dim"), Text(f"{message.alert.id}  {message.link}"))
    return Panel(grid, title=Text(headline(message), style=f"bold {colour}"), border_style=colour)
