"""Topics of Apache Kafka are made as configured, and held against it."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.bus.topics import TopicSettings
from monitor.events import SCORED
from monitor.failures import UsageError
from tests.servers import ON_SMALL_BROKER

pytestmark = pytest.mark.skipif(ON_SMALL_BROKER, reason="the small broker configures no topics")
WANTED = TopicSettings(retention_seconds=3_600)


@pytest.fixture
def bus(kafka: str) -> Iterator[KafkaBus]:
    made = KafkaBus(KafkaConnection(kafka), f"t{uuid.uuid4().hex[:8]}.")
    yield made
    made.close()


@pytest.fixture
def admin(kafka: str) -> Iterator[KafkaAdminClient]:
    client = KafkaAdminClient(bootstrap_servers=kafka)
    yield client
    client.close()


def set_topic(admin: KafkaAdminClient, bus: KafkaBus, **configuration: str) -> None:
    """Make the topic by other means than ours."""
    configs = {key.replace("_", "."): value for key, value in configuration.items()}
    spec = {"num_partitions": 2, "replication_factor": 1, "configs": configs}
    admin.create_topics({bus.prefix + SCORED: spec}, wait_for_metadata=True)


def test_a_topic_is_made_as_configured(
    bus: KafkaBus, admin: KafkaAdminClient, caplog: pytest.LogCaptureFixture
) -> None:
    bus.create_topics([SCORED], 2, WANTED)
    name = bus.prefix + SCORED
    told = admin.describe_configs([ConfigResource("TOPIC", name)], config_filter="all")
    found = {key: entry["value"] for key, entry in told["topic"][name].items()}
    assert {key: found[key] for key in WANTED.configuration} == {
        "cleanup.policy": "delete",
        "retention.ms": "3600000",
        "min.insync.replicas": "1",
        "max.message.bytes": "2000000",
    }
    bus.create_topics([SCORED], 2, WANTED)
    assert caplog.text == ""


def test_what_differs_is_warned_of_with_topic_setting_found_and_wanted(
    bus: KafkaBus, admin: KafkaAdminClient, caplog: pytest.LogCaptureFixture
) -> None:
    set_topic(admin, bus, retention_ms="60000", max_message_bytes="100000")
    bus.create_topics([SCORED], 2, replace(WANTED, replication_factor=3))
    name = f"Kafka topic '{bus.prefix}{SCORED}': "
    for told in (
        "retention.ms is 60000, 3600000 is wanted (bus.retention_hours); ",
        "replication factor is 1, 3 is wanted (bus.replication_factor); ",
        "max.message.bytes is 100000, 2000000 is wanted (not to be set); ",
    ):
        assert name + told in caplog.text


def test_a_compacted_topic_is_refused(bus: KafkaBus, admin: KafkaAdminClient) -> None:
    set_topic(admin, bus, cleanup_policy="compact")
    with pytest.raises(UsageError, match=rf"'{bus.prefix}{SCORED}': cleanup\.policy is compact, "):
        bus.create_topics([SCORED], 2, WANTED)


def test_more_in_sync_replicas_than_replicas_are_refused(
    bus: KafkaBus, admin: KafkaAdminClient
) -> None:
    set_topic(admin, bus, min_insync_replicas="2")
    with pytest.raises(UsageError, match=r"min\.insync\.replicas is 2, 1 is wanted"):
        bus.create_topics([SCORED], 2, WANTED)


def test_more_replicas_than_brokers_are_refused(bus: KafkaBus) -> None:
    with pytest.raises(UsageError, match=r"cannot make 9 replicas \(bus\.replication_factor\)"):
        bus.create_topics([SCORED], 2, replace(WANTED, replication_factor=9))
