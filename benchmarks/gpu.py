"""Scoring on a GPU, texts one behind the other: `python -m benchmarks.gpu --device cuda`.

A BERT-base with random weights scores headlines, numbered so that none repeats. In turns, medians
of five rounds: a bfloat16 matrix product for the peak, the device alone on tokenised texts, and end
to end from texts, with tokenising on a thread ahead of the device. `--profile FILE` writes where
the device's time went. Tiny sizes make it run on a CPU: `--layers 1 --hidden 64 --texts 200`.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import torch
from torch.profiler import profile

from models.backends.packed import PackedBackend
from models.directories import BUNDLED
from models.encoder import TwoHeadEncoder, empty_backbone
from models.layout import TOKENIZER
from models.loading import open_tokenizer
from monitor.bench.flops import encoder_flops
from monitor.bench.machine import machine_facts
from monitor.bench.peak import product
from monitor.bench.rounds import ROUNDS, in_turns, median_rate, median_ratio, repeated
from monitor.bench.texts import numbered, read_texts, window, written_texts

CHUNK_TEXTS = 8_192
"""As many are tokenised together; one chunk is ahead of the device."""
VOCABULARY = 30_522
HEAD_WIDTH = 64


@click.command(help=__doc__)
@click.option("--device", default="cuda" if torch.cuda.is_available() else "cpu")
@click.option("--layers", default=12, show_default=True)
@click.option("--hidden", default=768, show_default=True)
@click.option("--texts", "count", default=200_000, show_default=True, help="Texts a round.")
@click.option("--file", type=click.Path(path_type=Path), help="Texts to use, one a line.")
@click.option("--max-tokens", default=128, show_default=True)
@click.option("--batch-tokens", default=4_096, show_default=True, help="Where looking begins.")
@click.option("--side", type=int, help="Of the matrices that give the peak.")
@click.option("--seconds", default=1.0, show_default=True, help="Of the product, a round.")
@click.option("--profile", "profile_file", type=click.Path(path_type=Path))
def main(
    device: str,
    layers: int,
    hidden: int,
    count: int,
    file: Path | None,
    max_tokens: int,
    batch_tokens: int,
    side: int | None,
    seconds: float,
    profile_file: Path | None,
) -> None:
    config = {
        "model_type": "bert",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "intermediate_size": 4 * hidden,
        "num_attention_heads": max(1, hidden // HEAD_WIDTH),
        "vocab_size": VOCABULARY,
    }
    torch.manual_seed(0)
    backbone, _ = empty_backbone(config)
    backend = PackedBackend(
        TwoHeadEncoder(backbone, hidden, "mean"), device, batch_tokens, max_tokens
    )
    tokenizer = open_tokenizer(BUNDLED / "en" / TOKENIZER, max_tokens)
    known = read_texts(file) if file is not None else written_texts("en")

    def tokenised(texts: Sequence[str]) -> list[list[int]]:
        return [encoding.ids for encoding in tokenizer.encode_batch_fast(texts)]

    def fresh(turn: int) -> list[str]:
        return numbered(window(known, count, turn), turn)

    ready = tokenised(fresh(0))
    lengths = [len(ids) for ids in ready]

    def device_alone(turn: int) -> float:
        backend.logits(ready)
        return encoder_flops(config, lengths)

    def end_to_end(turn: int) -> float:
        texts, held = fresh(turn), 0
        chunks = [texts[start : start + CHUNK_TEXTS] for start in range(0, count, CHUNK_TEXTS)]
        with ThreadPoolExecutor(1) as ahead:
            for tokens in _one_ahead(ahead, tokenised, chunks):
                backend.logits(tokens)
                held += sum(len(ids) for ids in tokens)
        return float(held)

    backend.logits(ready[:CHUNK_TEXTS])
    peak = repeated(product(device, "bfloat16", side), seconds, time.perf_counter)
    laps = in_turns(
        {"peak": peak, "device": device_alone, "end to end": end_to_end},
        ROUNDS,
        time.perf_counter,
    )
    per_token = encoder_flops(config, lengths) / sum(lengths)
    share = median_ratio(laps["device"], laps["peak"])
    tokens_per_second = median_rate(laps["end to end"])
    click.echo(
        json.dumps(
            {
                "backend": backend.name,
                "batch_tokens": backend.budget.tokens,
                "mean_tokens": round(sum(lengths) / len(lengths), 1),
                "peak_bfloat16_gflops": round(median_rate(laps["peak"]) / 1e9, 1),
                "peak_share_device": round(share, 3),
                "peak_share_end_to_end": round(
                    tokens_per_second * per_token / median_rate(laps["peak"]), 3
                ),
                "tokens_per_second_device": round(median_rate(laps["device"]) / per_token),
                "tokens_per_second_end_to_end": round(tokens_per_second),
                "config": config,
                "machine": machine_facts(device),
            },
            indent=1,
        )
    )
    if profile_file is not None:
        with profile() as found:
            backend.logits(ready[: 4 * CHUNK_TEXTS])
        order = "self_cuda_time_total" if device.startswith("cuda") else "self_cpu_time_total"
        profile_file.write_text(found.key_averages().table(sort_by=order, row_limit=30))


def _one_ahead(
    ahead: ThreadPoolExecutor,
    tokenised: Callable[[Sequence[str]], list[list[int]]],
    chunks: Sequence[Sequence[str]],
) -> Iterator[list[list[int]]]:
    waiting = ahead.submit(tokenised, chunks[0])
    for chunk in chunks[1:]:
        tokens, waiting = waiting.result(), ahead.submit(tokenised, chunk)
        yield tokens
    yield waiting.result()


if __name__ == "__main__":
    main()
