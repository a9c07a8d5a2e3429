"""What a topic should be like, and how one that exists differs from it. Decides; asks nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.events import MAX_RECORD_BYTES

DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How a topic is made, or what one that exists is held against.

    Records of ours are never compacted: the key is the story's, and copies of a story share it.
    """

    replication_factor: int = 1
    min_insync_replicas: int = 1
    retention_seconds: float = 7 * DAY_SECONDS
    max_message_bytes: int = 2 * MAX_RECORD_BYTES
    """Room for what we write: records and the letters about them, which hold bytes in base64."""
    keep_unread: bool = True
    """On the embedded bus: whether what a group has not read stays beyond the retention."""
    create: bool = True
    """Whether a topic that is missing is made; else it is an error."""

    @property
    def configuration(self) -> dict[str, str]:
        """What Kafka is told, by its own names."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(round(self.retention_seconds * 1000)),
            "min.insync.replicas": str(self.min_insync_replicas),
            "max.message.bytes": str(self.max_message_bytes),
        }


AS_USUAL = TopicSettings()


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as it is; `configuration` has what the broker told, which may be nothing."""

    name: str
    partitions: int
    replication_factor: int
    configuration: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting of a topic that is not as configured."""

    topic: str
    setting: str
    found: str
    wanted: str
    ours: str
    """The key of our settings that says what is wanted."""
    serious: bool
    """Whether records would be lost or refused, so that nothing should start."""
    why: str

    def __str__(self) -> str:
        return (
            f"topic '{self.topic}': {self.setting} is {self.found}, "
            f"{self.wanted} is wanted ({self.ours}); {self.why}"
        )


def differences(topic: FoundTopic, partitions: int, wanted: TopicSettings) -> Sequence[Difference]:
    """How a topic differs, the serious first."""
    found: list[Difference] = []

    def differs(
        setting: str, value: object, want: object, ours: str, serious: bool, why: str
    ) -> None:
        found.append(
            Difference(topic.name, setting, str(value), str(want), ours, serious=serious, why=why)
        )

    if topic.partitions != partitions:
        why = "a story would change its partition in mid-stream: set what the topic has"
        differs("partitions", topic.partitions, partitions, "bus.partitions", True, why)
    replicas = topic.replication_factor
    if replicas != wanted.replication_factor:
        why = "as many copies of a record are kept as the topic has replicas"
        ours = "bus.replication_factor"
        differs("replication factor", replicas, wanted.replication_factor, ours, False, why)
    told = topic.configuration
    policy = told.get("cleanup.policy", "delete")
    if policy != "delete":
        why = "articles of one story share a key, and compaction would keep only the last of them"
        differs("cleanup.policy", policy, "delete", "not to be set", True, why)
    in_sync = int(told.get("min.insync.replicas", wanted.min_insync_replicas))
    if in_sync > replicas:
        why = f"with {replicas} replicas no record can ever be written"
        want, ours = min(wanted.min_insync_replicas, replicas), "bus.min_insync_replicas"
        differs("min.insync.replicas", in_sync, want, ours, True, why)
    elif in_sync != wanted.min_insync_replicas:
        why = "so many replicas have a record before it counts as written"
        want, ours = wanted.min_insync_replicas, "bus.min_insync_replicas"
        differs("min.insync.replicas", in_sync, want, ours, False, why)
    retention = told.get("retention.ms")
    want_ms = wanted.configuration["retention.ms"]
    if retention is not None and retention != want_ms:
        why = "a consumer that is away for longer loses what it has not read"
        differs("retention.ms", retention, want_ms, "bus.retention_hours", False, why)
    largest = int(told.get("max.message.bytes", wanted.max_message_bytes))
    if largest < wanted.max_message_bytes:
        why = "a larger record is refused, and stops the role that writes it"
        differs("max.message.bytes", largest, wanted.max_message_bytes, "not to be set", False, why)
    return sorted(found, key=lambda item: not item.serious)


def missing(name: str) -> str:
    """What is said of a topic that is not there and must not be made."""
    return f"topic '{name}' does not exist, and bus.topics is 'check': make it, or set 'create'"
