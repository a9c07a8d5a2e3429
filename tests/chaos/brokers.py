"""A cluster of Apache Kafka brokers that can be killed one by one."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.paths import shared
from tests.servers import free_ports

HEAP = "256m"


class Brokers:
    """Brokers 1 to `count`, each with a replica of everything where there are three."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self.count = count

    @property
    def addresses(self) -> str:
        found = self._call("bootstrap", str(self._folder))
        return found.stdout.strip()

    def signal(self, broker: int, name: str) -> None:
        self._call("kill", str(self._folder), str(broker), name)

    def start(self, *chosen: int) -> None:
        """Return when all of them answer; alone, without most of the others, none would."""
        with ThreadPoolExecutor(len(chosen)) as threads:
            starts = threads.map(self._start, chosen)
        assert all(starts), "a broker did not come back"

    def _start(self, broker: int) -> bool:
        """Whether it answers within two tries of the launcher's patience."""
        command = ("start-node", str(self._folder), str(broker))
        with contextlib.suppress(subprocess.CalledProcessError):
            self._call(*command)
            return True
        with contextlib.suppress(subprocess.CalledProcessError):
            self.signal(broker, "KILL")
            time.sleep(1)
        with contextlib.suppress(subprocess.CalledProcessError):
            self._call(*command)
            return True
        return False

    def controller(self) -> int:
        """The broker that leads the cluster; 1 where none says so."""
        with contextlib.suppress(KafkaError):
            admin = KafkaAdminClient(bootstrap_servers=self.addresses)
            try:
                return int(admin.describe_metadata_quorum()["leader_id"])
            except (AttributeError, KeyError, TypeError):
                return int(admin.describe_cluster()["controller_id"])
            finally:
                admin.close()
        return 1

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(shared("kafka", "kafka-local")), *arguments],
            check=True,
            timeout=180,
            capture_output=True,
            text=True,
            env={**os.environ, "KAFKA_LOCAL_HEAP": HEAP},
        )


@contextlib.contextmanager
def brokers(folder: Path, count: int) -> Iterator[Brokers]:
    found = Brokers(folder, count)
    command = [str(shared("kafka", "kafka-local"))]
    start = [*command, "start", str(folder), str(count), str(free_ports(2 * count))]
    environment = {**os.environ, "KAFKA_LOCAL_HEAP": HEAP}
    subprocess.run(start, check=True, timeout=180, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield found
    finally:
        for broker in range(1, count + 1):
            with contextlib.suppress(subprocess.CalledProcessError):
                found.signal(broker, "CONT")
        subprocess.run([*command, "stop", str(folder)], check=False, timeout=60)
