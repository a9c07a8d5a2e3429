"""`undertone doctor`: what works here, and what does not."""

import os
import platform
import time
from collections.abc import Callable

import click

from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.failures import DataError, Unavailable, UsageError
from monitor.settings import Settings


@click.command()
@configured
@as_json
def doctor(settings: Settings, as_json: bool) -> None:
    """Check this machine and configuration, part by part. Exit code 1 if a part does not work."""
    parts: dict[str, Callable[[Settings], str]] = {
        "python": lambda _: platform.python_version(),
        "data directory": lambda s: str(prepare_data_dir(s).resolve()),
        "rules": lambda s: f"{len(s.rule_file.rules)} rules",
        "watchlist": lambda s: f"{len(s.watchlist_file.companies)} companies",
        "store": _store,
        "bus": _bus,
        "models": _models,
    }
    failed = False
    for name, examine in parts.items():
        try:
            finding, works = examine(settings), True
        except (UsageError, DataError, Unavailable, ValueError) as error:
            finding, works = str(error), False
        failed |= not works
        if as_json:
            print_json({"part": name, "works": works, "finding": finding})
        else:
            click.secho("ok    " if works else "error ", fg="green" if works else "red", nl=False)
            click.echo(f"{name}: {finding}")
    if failed:
        raise click.exceptions.Exit(1)


def _store(settings: Settings) -> str:
    from monitor.store.engine import open_store
    from monitor.store.readers import article_count

    engine = open_store(settings.store_url)
    return f"{engine.dialect.name}, {article_count(engine)} articles"


def _bus(settings: Settings) -> str:
    from monitor.bus.opening import open_bus
    from monitor.events import ARTICLES

    bus = open_bus(settings)
    return f"{settings.bus.kind}, {bus.partitions(ARTICLES)} partitions"


def _models(settings: Settings) -> str:
    from models.backends.opening import probe_texts
    from models.serving import Refusal
    from monitor.scoring import model_service

    refusals: list[Refusal] = []
    service = model_service(settings, refusals.append)
    started = time.perf_counter()
    scorer = service.start()
    loaded = time.perf_counter() - started
    texts = probe_texts(["en", "zh"])
    scorer.score(texts[:1])
    started = time.perf_counter()
    scorer.score(texts)
    rate = len(texts) / (time.perf_counter() - started)
    names = ", ".join(
        f"{language}: {name}" + (" (bundled)" if setting.startswith("bundled:") else "")
        for language, name in scorer.identifiers.items()
        for setting in [service.serving[language]]
    )
    if refusals:
        reasons = "; ".join(f"{item.version} is refused: {item.reason}" for item in refusals)
        raise DataError(f"{reasons}; in service instead: {names}")
    ways = "; ".join(
        f"{language} is run by {reason}" for language, reason in scorer.backend_reasons.items()
    )
    return (
        f"{names}; tier {settings.models.tier}; {ways}; {os.cpu_count()} cores; "
        f"loaded in {loaded:.1f} s, {rate:.0f} texts/s"
    )
