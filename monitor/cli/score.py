"""`undertone score`: the score role, or texts from a file without any daemon."""

import contextlib
import os
import select
import stat
import sys
from collections.abc import Iterator
from typing import Any

import click

from monitor.cli.options import print_json
from monitor.cli.roles import role_options, run_role
from monitor.failures import UsageError

CHUNK_TEXTS = 256
READ_BYTES = 65_536
MAX_LINE_BYTES = 60_000
IDLE_SECONDS = 0.2
"""After so long without more, what has come is scored."""


@click.command()
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Score FILE's lines, one JSON object each.")
@role_options
def score(file: str | None, as_json: bool, **options: Any) -> None:
    """Score texts, or run the score role.

    With FILE (or - for standard input) every line is a text; the answers come in the order of the
    lines, as they are ready, and no daemon is needed:

        undertone score --json headlines.txt

    Without FILE this is the role: it takes articles from the bus and puts their scores back.
    Several may run; the bus's partitions are shared out among them.
    """
    if file is None:
        if as_json:
            raise UsageError("--json needs a FILE of texts, or - for standard input")
        run_role("score", **options)
        return
    from models.scorer import Scorer
    from monitor.scoring import load_scorer
    from monitor.settings import load_settings

    settings = load_settings(options["config"], {"data_dir": options["data_dir"]})
    with _opened(file) as lines:
        scorer: Scorer = load_scorer(settings)
        for texts, scores in scorer.stream(_chunks(lines)):
            for index, text in enumerate(texts):
                negative, neutral, positive = (
                    round(float(value), 4) for value in scores.sentiment[index]
                )
                label, language = scores.label(index), scores.languages[index]
                if as_json:
                    probabilities = {
                        topic: round(float(scores.topics[index, number]), 4)
                        for number, topic in enumerate(scores.topic_names)
                    }
                    print_json(
                        {
                            "text": text,
                            "language": language,
                            "sentiment": {
                                "negative": negative,
                                "neutral": neutral,
                                "positive": positive,
                            },
                            "label": label,
                            "topics": probabilities,
                            "model": scores.models[index],
                        }
                    )
                else:
                    topics = ", ".join(scores.topics_of(index)) or "-"
                    confidence = max(negative, neutral, positive)
                    click.echo(f"{label:8} {confidence:4.0%}  {language}  {topics:24} {text}")


@contextlib.contextmanager
def _opened(file: str) -> Iterator[int]:
    """A file descriptor to read from. Raises UsageError."""
    if file == "-":
        yield sys.stdin.fileno()
        return
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file (use - for standard input)") from None
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise UsageError(f"{file}: is a directory; a file of texts is wanted")
        yield descriptor
    finally:
        os.close(descriptor)


def _chunks(descriptor: int) -> Iterator[list[str]]:
    """Chunks as they fill, or as their source pauses: a slow pipe gets its answers at once.

    Of a line longer than MAX_LINE_BYTES the beginning is kept, whatever its length.
    """
    chunk: list[str] = []
    rest = b""
    ended = False
    while not ended:
        if chunk and not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            yield chunk
            chunk = []
        data = os.read(descriptor, READ_BYTES)
        ended = not data
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[:MAX_LINE_BYTES]
        if ended and rest:
            lines.append(rest)
        for line in lines:
            chunk.append(line[:MAX_LINE_BYTES].rstrip(b"\r").decode("utf-8", "replace"))
            if len(chunk) == CHUNK_TEXTS:
                yield chunk
                chunk = []
    if chunk:
        yield chunk
