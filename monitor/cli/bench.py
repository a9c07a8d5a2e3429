"""`undertone bench`: how fast scoring is on this machine, alone and end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.options import print_json, tier_option
from monitor.failures import UsageError

if TYPE_CHECKING:
    from monitor.bench.pipeline import PipelineFigures
    from monitor.bench.scoring import ScoringFigures


def _measured(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that both measurements take."""
    for option in reversed(
        (
            click.option("--device", default="auto", help="cpu, cuda or cuda:N.  [default: auto]"),
            click.option(
                "--backend",
                default="auto",
                help="What runs a network: torch, packed, openvino-f32, openvino-bf16 or "
                "openvino-int8.  [default: the fastest here]",
            ),
            click.option(
                "--model",
                help="bundled:NAME, a model directory, or a Hugging Face classifier.  "
                "[default: the bundled one]",
            ),
            tier_option,
            click.option("--language", type=click.Choice(["en", "zh"]), default="en"),
            click.option(
                "--texts",
                type=click.Path(path_type=Path, dir_okay=False),
                help="A text a line, or JSON objects with `text` or `title`; the first 10,000 are "
                "taken.  [default: the written training texts]",
            ),
            click.option(
                "--seconds",
                type=click.FloatRange(1, 3_600),
                default=60.0,
                show_default=True,
                help="About how long to measure.",
            ),
            click.option("--json", "as_json", is_flag=True, help="One JSON object."),
        )
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@_measured
@click.pass_context
def bench(context: click.Context, /, as_json: bool, **options: Any) -> None:
    """Measure how fast texts are scored here, beside the usual ways and what the machine can do.

    Our scorer, a call for each text, a plain Hugging Face pipeline with the same weights (batches
    of 1 and of 32) and a matrix product take turns for five rounds; medians are told. No text comes
    twice the same, so nothing is answered from memory. Let nothing else run meanwhile.

    The usual ways run a fast bundled model's accurate one: --tier fast tells what it gains, and
    how many labels are the same.

    `undertone bench pipeline` measures end to end, from the bus to the tallies.
    """
    if context.invoked_subcommand is not None:
        for name in context.params:
            if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
                raise UsageError(f"write options behind '{context.invoked_subcommand}'")
        return
    from monitor.bench.scoring import measure_scoring

    spec, language, texts = _chosen(options)
    found = measure_scoring(
        spec, language, texts, options["device"], options["seconds"], options["backend"]
    )
    if as_json:
        print_json(asdict(found))
    else:
        _show(f"{found.model}, {found.texts} texts", _scoring_rows(found), found.machine)


@bench.command()
@_measured
@click.option("--articles", type=click.IntRange(5), help="How many, instead of --seconds.")
@click.option("--bus", help="Kafka brokers, HOST:PORT; new topics are made and deleted again.")
@click.option("--store", help="postgresql://...; a new schema is made and dropped again.")
def pipeline(
    as_json: bool, articles: int | None, bus: str | None, store: str | None, **options: Any
) -> None:
    """Measure end to end: articles onto the bus, scored and counted, until all are in the tallies.

    The score and aggregate roles run as processes of their own, as `undertone run` has them; by
    default on the embedded bus and SQLite in a temporary folder. Bare scoring of the same texts
    takes turns with them for five rounds.

        undertone bench pipeline --bus localhost:9092 --store postgresql://me@localhost/test
    """
    from monitor.bench.pipeline import PipelinePlan, measure_pipeline

    spec, language, texts = _chosen(options)
    found = measure_pipeline(
        PipelinePlan(
            spec,
            language,
            texts,
            options["device"],
            options["seconds"],
            articles,
            bus,
            store,
            options["backend"],
        )
    )
    if as_json:
        print_json(asdict(found))
    else:
        title = f"{found.model}, {found.articles} articles, {found.bus} bus, {found.store}"
        _show(title, _pipeline_rows(found), found.machine)


def _chosen(options: dict[str, Any]) -> tuple[str, str, list[str]]:
    """The model, the language, and the texts."""
    from models.tiers import bundled_models
    from monitor.bench.texts import read_texts, written_texts

    language, tier = options["language"], options["tier"]
    if options["model"] and tier:
        raise UsageError("--tier chooses among the bundled models: give it or --model")
    path = options["texts"]
    texts = read_texts(path) if path else written_texts(language)
    return options["model"] or bundled_models(tier or "accurate")[language], language, texts


def _show(title: str, rows: Iterator[tuple[str, str]], machine: Any) -> None:
    table = Table(box=None, show_header=False, title=title, title_justify="left")
    for name, value in rows:
        table.add_row(name, value)
    flags = ", ".join(machine["flags"]) or "no flags that are known here"
    place = machine["gpu"] or machine["cpu"]
    table.add_row("machine", f"{place}, {machine['cores']} cores ({flags})")
    table.add_row(
        "with", f"torch {machine['torch']}, transformers {machine['transformers']}, "
        f"{machine['device']}",
    )  # fmt: skip
    Console().print(table)


def _scoring_rows(found: ScoringFigures) -> Iterator[tuple[str, str]]:
    yield "texts a second", f"{found.texts_per_second:,.0f}"
    yield "tokens a second", f"{found.tokens_per_second:,.0f}"
    yield "latency, one text", _latency(found.latency_ms)
    yield "latency under 80% load", _latency(found.loaded_latency_ms)
    yield "against the pipeline, batch 1", _times(found.ratio_pipeline_1)
    yield "against the pipeline, batch 32", _times(found.ratio_pipeline_32)
    yield "against a call a text", _times(found.ratio_sentence_calls)
    for precision, share in (found.peak_shares or {}).items():
        peak = found.machine["peak_gflops"][precision]
        yield f"of the peak, {precision}", f"{share:.0%} of {peak:,.0f} GFLOP/s"
    yield "padding", f"{found.padding_waste:.1%}"
    if found.label_agreement is not None:
        yield "labels as in single precision", f"{found.label_agreement:.2%}"
    if found.backend is not None:
        yield "backend", found.backend


def _pipeline_rows(found: PipelineFigures) -> Iterator[tuple[str, str]]:
    yield "articles a second", f"{found.articles_per_second:,.0f}"
    yield "bare scoring, texts a second", f"{found.texts_per_second:,.0f}"
    yield "of bare scoring", f"{found.ratio_bare:.0%}"
    for stage, share in found.cpu_share.items():
        yield f"processors, {stage}", f"{share:.1%}"


def _latency(found: Any) -> str:
    return ", ".join(f"{name} {value:.1f} ms" for name, value in found.items())


def _times(ratio: float | None) -> str:
    return "not for this kind of model" if ratio is None else f"{ratio:.2f} times"
