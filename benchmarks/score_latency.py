"""How long one article takes through an idle score role: `python -m benchmarks.score_latency`.

The role runs as a process of its own, as `undertone run` has it, on the embedded bus in a temporary
folder or on Kafka (`--bus HOST:PORT`). Articles are put on the bus one by one, at moments by
chance, each once the one before is out; the time runs from before an article is sent until its
scored record has been read by a consumer, so that both ways over the bus are in it.
"""

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from monitor.bench.articles import made_articles
from monitor.bench.latency import percentiles
from monitor.bench.places import fresh_settings
from monitor.bench.role_processes import running
from monitor.bus.opening import open_bus
from monitor.bus.protocol import Consumer
from monitor.events import ARTICLES, SCORED, ScoredEvent, decode_scored
from monitor.workers.ingest import ArticleOutlet

WARM_UP = 20
MOST_PAUSE_SECONDS = 0.4
PATIENCE_SECONDS = 120.0


def arrival(consumer: Consumer, article_id: str) -> float:
    """When the score of an article was read. Raises TimeoutError."""
    until = time.perf_counter() + PATIENCE_SECONDS
    while time.perf_counter() < until:
        for record in consumer.poll(100, 0.5):
            event = decode_scored(record.value, record.headers)
            if isinstance(event, ScoredEvent) and event.article.id == article_id:
                return time.perf_counter()
    raise TimeoutError(f"no score of article {article_id} within {PATIENCE_SECONDS:.0f} s")


@click.command(help=__doc__)
@click.option("--model", default="bundled:en", show_default=True)
@click.option("--bus", "servers", help="Kafka brokers; new topics are made and deleted again.")
@click.option("--texts", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--articles", default=300, show_default=True)
def main(model: str, servers: str | None, texts: Path, articles: int) -> None:
    lines = texts.read_text(encoding="utf-8").splitlines()
    now = datetime.now(UTC)
    pauses = random.Random(0)
    models = {"english": model, "chinese": model}
    seconds = []
    with fresh_settings(servers, None, models) as (settings, config):
        bus = open_bus(settings)
        with running(["score"], config) as roles:
            consumer, producer = bus.consumer(SCORED, "bench"), bus.producer()
            outlet = ArticleOutlet(producer, bus.partitions(ARTICLES))
            for article in made_articles(lines, 1, WARM_UP + articles, "en", now):
                roles.check()
                begun = time.perf_counter()
                outlet.send([article], "bench")
                seconds.append(arrival(consumer, article.id) - begun)
                time.sleep(pauses.uniform(0, MOST_PAUSE_SECONDS))
            consumer.close()
            producer.close()
        bus.close()
    told = {"articles": articles, "bus": settings.bus.kind, "model": model}
    click.echo(json.dumps({**told, "latency_ms": percentiles(seconds[WARM_UP:])}))


if __name__ == "__main__":
    main()
