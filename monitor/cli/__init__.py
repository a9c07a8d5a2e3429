"""The command line: `undertone COMMAND`."""

import importlib
import logging
import sys
from collections.abc import Mapping

import click

from monitor import __version__
from monitor.failures import DataError, TooManyInvalid, Unavailable, UsageError

EXIT_DATA = 1
EXIT_USAGE = 2
EXIT_TOO_MANY_INVALID = 3

_COMMANDS: Mapping[str, str] = {
    "run": "monitor.cli.run:run",
    "init": "monitor.cli.init:init",
    "ingest": "monitor.cli.roles:ingest",
    "score": "monitor.cli.score:score",
    "aggregate": "monitor.cli.roles:aggregate",
    "detect": "monitor.cli.roles:detect",
    "notify": "monitor.cli.roles:notify",
    "web": "monitor.cli.roles:web",
    "feeds": "monitor.cli.feeds:feeds",
    "backfill": "monitor.cli.backfill:backfill",
    "retract": "monitor.cli.retract:retract",
    "rescore": "monitor.cli.rescore:rescore",
    "tallies": "monitor.cli.tallies:tallies",
    "alerts": "monitor.cli.alerts:alerts",
    "explain": "monitor.cli.explain:explain",
    "dlq": "monitor.cli.dlq:dlq",
    "labels": "monitor.cli.labels:labels",
    "shadow": "monitor.cli.shadow:shadow",
    "backtest": "monitor.cli.backtest:backtest",
    "rules": "monitor.cli.rules:rules",
    "train": "monitor.cli.train:train",
    "distill": "monitor.cli.distill:distill",
    "evaluate": "monitor.cli.evaluate:evaluate",
    "models": "monitor.cli.models:models",
    "bench": "monitor.cli.bench:bench",
    "doctor": "monitor.cli.doctor:doctor",
    "status": "monitor.cli.status:status",
}


class _LazyGroup(click.Group):
    """Imports a command when it is asked for: `alerts list` must not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        import difflib

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="undertone")
@click.option("-v", "--verbose", is_flag=True, help="Log what goes on, not only what goes wrong.")
def cli(verbose: bool) -> None:
    """Undertone watches financial news, scores its sentiment and tells you when a trend turns.

    Start with `undertone run`: it needs no configuration, replays a sample crisis at an invented
    bank, and opens the console at http://127.0.0.1:8080. Then `undertone init` writes a
    configuration of your own.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    for noisy in ("httpx", "apscheduler", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    # What it reports as errors are its retries; what matters comes as an exception.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def main() -> None:
    """Run a command; errors that are the user's to mend come without a traceback."""
    try:
        cli(standalone_mode=True)
    except UsageError as error:
        _fail(str(error), EXIT_USAGE)
    except (DataError, Unavailable) as error:
        _fail(str(error), EXIT_DATA)
    except TooManyInvalid as error:
        _fail(str(error), EXIT_TOO_MANY_INVALID)
    except ValueError as error:
        if type(error).__name__ in ("ModelError", "ArchiveError", "LabelledDataError"):
            _fail(str(error), EXIT_DATA)
        raise


def _fail(message: str, code: int) -> None:
    click.secho("Error: ", fg="red", bold=True, err=True, nl=False)
    click.echo(message, err=True)
    sys.exit(code)
