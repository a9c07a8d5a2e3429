"""Bare scoring measured: throughput, latency, and what they are beside other ways and the peak."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.backends.devices import pick_device
from models.backends.options import BATCH_TOKENS, TORCH
from models.batching import cut_batches
from models.training.device import fast_in_bf16
from monitor.bench.flops import encoder_config, encoder_flops
from monitor.bench.latency import percentiles
from monitor.bench.machine import machine_facts
from monitor.bench.peak import PRECISIONS, product
from monitor.bench.rounds import ROUNDS, Lap, in_turns, median_rate, median_ratio, repeated
from monitor.bench.ways import CHUNK_TEXTS, Ways

LOAD = 0.8
"""Share of the throughput at which latency under load is measured."""


@dataclass(frozen=True, slots=True)
class ScoringFigures:
    """What was measured; None where a model has no such thing (a linear one has no encoder)."""

    texts_per_second: float
    tokens_per_second: float
    """Tokens of the texts, padding left out; n-grams for a linear model."""
    latency_ms: Mapping[str, float]
    """Of one text in an idle process: `p50`, `p95`, `p99`."""
    loaded_latency_ms: Mapping[str, float]
    """Of texts that arrive by chance at LOAD of the throughput."""
    ratio_pipeline_1: float | None
    """How many times the texts a second of the plain pipeline, one text a batch. It runs the same
    weights, for a fast bundled model those of the accurate one."""
    ratio_pipeline_32: float | None
    ratio_sentence_calls: float
    """How many times the texts a second of our own scorer, called with one text after another."""
    peak_share: float | None
    """Operations of the encoder a second, by those of the fastest matrix product."""
    peak_shares: Mapping[str, float] | None
    """The same by the precision of the product."""
    padding_waste: float
    """Share of what batches hold that is padding."""
    label_agreement: float | None
    """Share of texts with the label that the plain pipeline gives in single precision."""
    model: str
    backend: str | None
    texts: int
    machine: Mapping[str, Any]


def measure_scoring(
    spec: str,
    language: str,
    texts: Sequence[str],
    device: str,
    seconds: float,
    backend: str = TORCH,
) -> ScoringFigures:
    """Measure for about `seconds`; opening the model comes on top. Raises ModelError."""
    chosen = pick_device(device)
    ways = Ways(spec, language, texts, chosen, backend)
    # Two more turns than there are ways: for probing, and for latency under load.
    turn = seconds / (ROUNDS * 6)
    # A product is the same each time and needs no long turns.
    peak = {
        name: repeated(product(chosen, name), turn / 4, time.perf_counter)
        for name in PRECISIONS
        if name == "single" or chosen != "cpu" or fast_in_bf16(chosen)
    }
    laps = in_turns({**ways.fitted(turn), **peak}, ROUNDS, time.perf_counter)
    ours = laps["scoring"]
    lengths = list(ways.scored)
    rate = median_rate(ours)
    loaded = ways.under_load(LOAD * rate, turn * ROUNDS)
    peaks = {name: median_rate(laps[name]) for name in peak}
    shares = peak_shares(encoder_config(spec), lengths, ours, peaks)
    in_tokens = [Lap(sum(own), lap.seconds) for own, lap in zip(lengths, ours, strict=True)]
    beside = {
        name: _rounded(median_ratio(ours, laps[name]))
        for name in ("pipeline_1", "pipeline_32", "sentence_calls")
        if name in laps
    }
    return ScoringFigures(
        texts_per_second=_rounded(rate),
        tokens_per_second=_rounded(median_rate(in_tokens)),
        latency_ms=percentiles(ways.latencies),
        loaded_latency_ms=percentiles(loaded),
        ratio_pipeline_1=beside.get("pipeline_1"),
        ratio_pipeline_32=beside.get("pipeline_32"),
        ratio_sentence_calls=beside["sentence_calls"],
        peak_share=min(shares.values()) if shares else None,
        peak_shares=shares,
        padding_waste=_rounded(padding_waste(lengths)),
        label_agreement=ways.agreement(),
        model=ways.model.identifier,
        backend=getattr(ways.model, "backend_name", None),
        texts=len(texts),
        machine={
            **machine_facts(chosen),
            "peak_gflops": {name: _rounded(flops / 1e9) for name, flops in peaks.items()},
        },
    )


def peak_shares(
    config: Mapping[str, Any] | None,
    lengths: Sequence[Sequence[int]],
    laps: Sequence[Lap],
    peaks: Mapping[str, float],
) -> dict[str, float] | None:
    """By precision of the peak, the share of it that the laps reached with texts of `lengths`
    tokens; None without an encoder. `peaks` are in operations a second."""
    if config is None:
        return None
    reached = median_rate(
        [
            Lap(encoder_flops(config, own), lap.seconds)
            for own, lap in zip(lengths, laps, strict=True)
        ]
    )
    return {name: _rounded(reached / peak) for name, peak in peaks.items()}


def padding_waste(laps: Iterable[Sequence[int]]) -> float:
    """Share of padding in the batches that texts of these token counts are cut into, lap by lap."""
    real = held = 0
    for lengths in laps:
        for start in range(0, len(lengths), CHUNK_TEXTS):
            chunk = lengths[start : start + CHUNK_TEXTS]
            real += sum(chunk)
            held += sum(
                batch.width * len(batch.indices) for batch in cut_batches(chunk, BATCH_TOKENS)
            )
    return 1 - real / held if held else 0.0


def _rounded(value: float) -> float:
    """Four digits that count: no measurement here has more."""
    return float(f"{value:.4g}")
