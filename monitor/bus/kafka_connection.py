"""Where the brokers are, and how to talk to them."""

from dataclasses import dataclass
from typing import Any

from monitor.failures import Unavailable

CONNECT_TIMEOUT_MILLISECONDS = 10_000


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Where the brokers are and how to talk to them."""

    bootstrap_servers: str

    def options(self) -> dict[str, Any]:
        """What any client of kafka-python is made with."""
        return {
            "bootstrap_servers": [part.strip() for part in self.bootstrap_servers.split(",")],
            "client_id": "undertone",
            "bootstrap_timeout_ms": CONNECT_TIMEOUT_MILLISECONDS,
        }

    def unavailable(self, error: Exception) -> Unavailable:
        """The error in words that name the servers and no secret."""
        return Unavailable(
            f"Kafka at {self.bootstrap_servers} does not answer: {type(error).__name__}"
        )
