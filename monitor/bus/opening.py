"""From the settings to the bus."""

from monitor.bus.embedded import EmbeddedBus
from monitor.bus.protocol import Bus
from monitor.events import ARTICLES, DEAD_LETTER_TOPICS, SCORED
from monitor.settings import Settings

TOPICS = (ARTICLES, SCORED, *DEAD_LETTER_TOPICS.values())


def open_bus(settings: Settings) -> Bus:
    """The bus that the settings name, with its topics. Raises UsageError, Unavailable."""
    bus: Bus
    if settings.bus.kind == "kafka":
        from monitor.bus.kafka import KafkaBus, KafkaConnection

        connection = KafkaConnection(
            settings.bus.bootstrap_servers, settings.bus.replication_factor
        )
        bus = KafkaBus(connection, settings.bus.topic_prefix)
    else:
        bus = EmbeddedBus(settings.data_dir / "bus.db")
    bus.create_topics(TOPICS, settings.bus.partitions)
    return bus
