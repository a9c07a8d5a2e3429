"""Topics of a Kafka cluster: made where they are missing, held against the settings where not."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidConfigurationError,
    InvalidReplicationFactorError,
    KafkaError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
)

from monitor.bus.topics import FoundTopic, TopicSettings, differences, missing
from monitor.failures import Unavailable, UsageError

LOG = logging.getLogger(__name__)


def make_or_check(
    admin: KafkaAdminClient, names: Sequence[str], partitions: int, wanted: TopicSettings
) -> None:
    """Make the topics that are missing, then check all. Raises UsageError, KafkaError."""
    there = set(admin.list_topics())
    for name in names:
        if name in there:
            continue
        if not wanted.create:
            raise UsageError(f"Kafka {missing(name)}")
        _make(admin, name, partitions, wanted)
    for topic in _described(admin, names):
        for difference in differences(topic, partitions, wanted):
            if difference.serious:
                raise UsageError(f"Kafka {difference}")
            LOG.warning("Kafka %s", difference)


def _make(admin: KafkaAdminClient, name: str, partitions: int, wanted: TopicSettings) -> None:
    spec = {
        "num_partitions": partitions,
        "replication_factor": wanted.replication_factor,
        "configs": wanted.configuration,
    }
    try:
        # Roles start together: another one may have made it by now.
        with contextlib.suppress(TopicAlreadyExistsError):
            admin.create_topics({name: spec}, wait_for_metadata=True)
    except InvalidReplicationFactorError as error:
        raise UsageError(
            f"Kafka topic '{name}': the cluster cannot make {wanted.replication_factor} replicas "
            "(bus.replication_factor); it has too few brokers, or too few are up"
        ) from error
    except (InvalidConfigurationError, PolicyViolationError) as error:
        raise UsageError(
            f"Kafka topic '{name}': the cluster refuses {partitions} partitions with "
            f"{wanted.configuration}: {type(error).__name__}"
        ) from error
    except (ClusterAuthorizationFailedError, TopicAuthorizationFailedError) as error:
        raise UsageError(
            f"Kafka topic '{name}' does not exist, and we are not allowed to make it: "
            "make it, and set bus.topics to 'check'"
        ) from error


def _described(admin: KafkaAdminClient, names: Sequence[str]) -> list[FoundTopic]:
    told = _configurations(admin, names)
    found = []
    for topic in admin.describe_topics(list(names)):
        parts = topic["partitions"]
        if topic["error_code"] or not parts:
            raise Unavailable(f"Kafka: topic '{topic['name']}' does not exist yet")
        replicas = min(len(part["replica_nodes"]) for part in parts)
        found.append(FoundTopic(topic["name"], len(parts), replicas, told.get(topic["name"], {})))
    return found


def _configurations(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What the broker tells of the topics; nothing where it does not know how, or must not."""
    try:
        answer: Mapping[str, Any] = admin.describe_configs(
            [ConfigResource("TOPIC", name) for name in names], config_filter="all"
        )
    except KafkaError as error:
        LOG.warning("Kafka: the topics' settings cannot be checked: %s", type(error).__name__)
        return {}
    found = {
        name: {key: entry["value"] for key, entry in entries.items() if entry["value"] is not None}
        for name, entries in answer.get("topic", {}).items()
    }
    hidden = sorted(name for name in names if not found.get(name))
    if hidden:
        LOG.warning("Kafka: the settings of %s cannot be read, nor checked", ", ".join(hidden))
    return found
