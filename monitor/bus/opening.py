"""From the settings to the bus."""

from dataclasses import replace

from monitor.bus.embedded import EmbeddedBus
from monitor.bus.protocol import Bus
from monitor.bus.topics import TopicSettings
from monitor.events import ARTICLES, DEAD_LETTER_TOPICS, SCORED
from monitor.settings import Settings


def open_bus(settings: Settings) -> Bus:
    """The bus that the settings name, with its topics. Raises UsageError, Unavailable."""
    bus: Bus
    if settings.bus.kind == "kafka":
        from monitor.bus.kafka import KafkaBus, KafkaConnection

        connection = KafkaConnection(
            settings.bus.bootstrap_servers,
            tls=settings.bus.tls,
            sasl=settings.bus.sasl,
            compression=settings.bus.compression,
            max_poll_seconds=settings.bus.max_poll_seconds,
        )
        bus = KafkaBus(connection, settings.bus.topic_prefix)
    else:
        bus = EmbeddedBus(settings.data_dir / "bus.db")
    on, hour_seconds = settings.bus, 3_600
    wanted = TopicSettings(
        replication_factor=on.replication_factor,
        min_insync_replicas=on.in_sync,
        retention_seconds=on.retention_hours * hour_seconds,
        create=on.topics == "create",
    )
    letters = replace(
        wanted,
        retention_seconds=on.dead_letter_retention_hours * hour_seconds,
        # No group reads them: `dlq` looks at them where they are.
        keep_unread=False,
    )
    bus.create_topics((ARTICLES, SCORED), on.partitions, wanted)
    bus.create_topics(tuple(DEAD_LETTER_TOPICS.values()), on.partitions, letters)
    return bus
