"""The roles one by one, as a cluster runs them."""

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from monitor.cli.options import prepare_data_dir
from monitor.daemon import check_port
from monitor.roles import ROLES
from monitor.settings import load_settings
from monitor.workers.loop import Stopped, forsaken

PARENT_WATCH_SECONDS = 1.0


def run_role(
    name: str,
    config: Path | None,
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    sample: bool | None,
    tier: str | None = None,
) -> None:
    """Run a role in this process until SIGTERM, or until the supervisor is gone."""
    settings = load_settings(
        config,
        {
            "data_dir": data_dir,
            "web.host": host,
            "web.port": port,
            "sample": sample,
            "models.tier": tier,
        },
    )
    prepare_data_dir(settings)
    supervised = "PROMETHEUS_MULTIPROC_DIR" in os.environ
    stop = stopped_by_signals(os.getppid() if supervised else None)
    if name == "web" and not supervised:
        check_port(settings.web.host, settings.web.port)
    if settings.metrics_port is not None and not supervised:
        from prometheus_client import start_http_server

        check_port(settings.web.host, settings.metrics_port, "metrics_port")
        start_http_server(settings.metrics_port, addr=settings.web.host)
    try:
        ROLES[name](settings, stop)
    except Stopped:
        return


def stopped_by_signals(parent: int | None) -> threading.Event:
    """Set after SIGTERM or SIGINT, and once the parent is gone.

    An event's lock is not reentrant: a handler that set it could wait for ever for the very code
    that it interrupts. So handlers only leave word, which a thread acts on.
    """
    stop = threading.Event()
    word: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: word.put(got))

    def watch() -> None:
        while not forsaken(parent):
            with contextlib.suppress(queue.Empty):
                word.get(timeout=PARENT_WATCH_SECONDS)
                break
        stop.set()

    threading.Thread(target=watch, name="watch-signals", daemon=True).start()
    return stop


def role_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every role takes."""
    for option in reversed(
        (
            click.option(
                "--config",
                type=click.Path(path_type=Path, dir_okay=False),
                help="Configuration; by default undertone.yaml in this folder, if there is one.",
            ),
            click.option(
                "--data-dir",
                type=click.Path(path_type=Path, file_okay=False),
                help="Where everything is kept.  [default: ./var]",
            ),
            click.option("--host", help="Address of the console."),
            click.option("--port", type=click.IntRange(1, 65_535), help="Port of the console."),
            click.option("--sample", type=bool, help="Replay the sample story at the start."),
        )
    ):
        command = option(command)
    return command


def _command(name: str, text: str) -> click.Command:
    @click.command(name=name, help=text)
    @role_options
    def command(**options: Any) -> None:
        run_role(name, **options)

    assert isinstance(command, click.Command)
    return command


ingest = _command(
    "ingest",
    "Poll the feeds and play the replays onto the bus. Several may run: they share the feeds, and "
    "one of them sends the replays.",
)
aggregate = _command(
    "aggregate",
    "Count scored articles into the store, each exactly once. Scales by the bus's partitions.",
)
detect = _command(
    "detect",
    "Run the rules over the tallies and write alerts. Several may run: one works, the others wait.",
)
notify = _command(
    "notify",
    "Deliver what the outbox holds to its channels. Several may run: one works, the others wait.",
)
web = _command("web", "Serve the console, /metrics, /healthz and /readyz.")
