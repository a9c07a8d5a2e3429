"""Records that come twice, and out of order: put on the bus beside what ingest sends."""

import contextlib
import random
from collections.abc import Sequence

from ingest.article import Article
from monitor.bus.kafka import KafkaBus
from monitor.events import ARTICLES, SCORED
from monitor.failures import Unavailable
from monitor.workers.ingest import ArticleOutlet

REPEATED = 60
EARLY = 60


def repeat(bus: KafkaBus, source: random.Random) -> None:
    """Send some of the newest records of both topics once more, in any order, watermarks too."""
    with contextlib.suppress(Unavailable):
        producer = bus.producer()
        for topic in (ARTICLES, SCORED):
            for partition, end in bus.end_offsets(topic).items():
                first = max(0, end - 2 * REPEATED)
                records = list(bus.read(topic, partition, first, end))
                for record in source.sample(records, min(REPEATED, len(records))):
                    producer.send(topic, partition, record.key, record.value, record.headers)
        producer.flush()
        producer.close()


def send_early(bus: KafkaBus, articles: Sequence[Article], source: random.Random) -> None:
    """Send articles ahead of their time, in any order; ingest sends them again in theirs."""
    with contextlib.suppress(Unavailable):
        producer = bus.producer()
        outlet = ArticleOutlet(producer, bus.partitions(ARTICLES))
        outlet.send(source.sample(list(articles), min(EARLY, len(articles))), "replay")
        producer.close()
