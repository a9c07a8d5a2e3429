"""`undertone score`: the score role, or texts from a file without any daemon."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import click

from monitor.cli.options import print_json
from monitor.cli.roles import role_options, run_role
from monitor.failures import UsageError

CHUNK_TEXTS = 256
MAX_LINE_CHARACTERS = 20_000


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
    from models.labels import TOPICS
    from models.scorer import Scorer
    from monitor.scoring import load_scorer
    from monitor.settings import load_settings

    settings = load_settings(options["config"], {"data_dir": options["data_dir"]})
    with _opened(file) as lines:
        scorer: Scorer = load_scorer(settings.models)
        for texts, scores in scorer.stream(_chunks(lines)):
            for index, text in enumerate(texts):
                negative, neutral, positive = (
                    round(float(value), 4) for value in scores.sentiment[index]
                )
                label, language = scores.label(index), scores.languages[index]
                if as_json:
                    probabilities = {
                        topic: round(float(scores.topics[index, number]), 4)
                        for number, topic in enumerate(TOPICS)
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


def _opened(file: str) -> TextIO:
    if file == "-":
        return io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{file}: no such file (use - for standard input)")
    return path.open(encoding="utf-8", errors="replace")


def _chunks(lines: TextIO) -> Iterator[list[str]]:
    """Chunks as they fill; a terminal or a slow pipe gets its answer line by line."""
    at_once = 1 if lines.isatty() else CHUNK_TEXTS
    chunk: list[str] = []
    for line in lines:
        chunk.append(line.rstrip("\r\n")[:MAX_LINE_CHARACTERS])
        if len(chunk) >= at_once:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
