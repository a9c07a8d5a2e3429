"""`undertone feeds`: what is polled, and how it goes."""

from datetime import datetime

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.settings import Settings
from monitor.store.engine import open_store
from monitor.store.feeds import StoredFeedStates


@click.group()
def feeds() -> None:
    """The feeds that are polled: list them with their state, or check them now."""


@feeds.command("list")
@configured
@as_json
def list_(settings: Settings, as_json: bool) -> None:
    """List every feed with its last success, its articles and its error."""
    prepare_data_dir(settings)
    states = StoredFeedStates(open_store(settings.store_url))
    table = Table("feed", "language", "last success", "articles", "state", box=None)
    for feed in settings.polled_feeds:
        state = states.load(feed.url)
        error = state.error if state else ""
        row = {
            "name": feed.name,
            "url": _shown(feed.url),
            "language": feed.language,
            "enabled": feed.enabled,
            "last_attempt": state.last_attempt if state else None,
            "last_success": state.last_success if state else None,
            "next_fetch": state.next_fetch if state else None,
            "articles": state.articles_new if state else 0,
            "error": error,
        }
        if as_json:
            print_json(row)
            continue
        verdict = Text(error, "red") if error else Text("ok" if state else "not yet polled", "dim")
        last = row["last_success"]
        table.add_row(
            feed.name,
            feed.language,
            last.strftime("%Y-%m-%d %H:%M") if isinstance(last, datetime) else "-",
            str(row["articles"]),
            verdict,
        )
    if not as_json:
        Console().print(table)


@feeds.command()
@configured
@as_json
def check(settings: Settings, as_json: bool) -> None:
    """Fetch and parse every feed once, without keeping anything. Exit code 1 if one fails."""
    from ingest.feeds.document import ParsedFeed
    from ingest.feeds.outcomes import Fetched
    from ingest.feeds.parser import parse_feed
    from ingest.feeds.retriever import Retriever

    retriever = Retriever(user_agent=settings.ingest.user_agent)
    failed = 0
    for feed in settings.polled_feeds:
        found: object = retriever.retrieve(feed.url, allow_private=feed.allow_private)
        if isinstance(found, Fetched):
            found = parse_feed(found.body, url=found.url, headers=found.headers, zone=feed.zone)
        entries = len(found.entries) if isinstance(found, ParsedFeed) else 0
        reason = "" if isinstance(found, ParsedFeed) else str(getattr(found, "reason", found))
        failed += bool(reason)
        if as_json:
            print_json(
                {"name": feed.name, "url": _shown(feed.url), "entries": entries, "error": reason}
            )
        else:
            click.secho(
                "ok   " if not reason else "error", fg="red" if reason else "green", nl=False
            )
            click.echo(f" {feed.name}: {reason or f'{entries} entries'}")
    if failed:
        raise click.exceptions.Exit(1)


def _shown(url: str) -> str:
    """An address without user, password and query: they may hold a secret."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))
