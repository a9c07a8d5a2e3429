"""An Apache Kafka broker with TLS and logins: certificates made here, users with passwords."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.servers import free_port

USER, PASSWORD = "undertone", "a-pass:word!"
CURVE = "ec_paramgen_curve:prime256v1"
MODULES = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecureKafka:
    """Where the broker listens, and the certificates that it goes by."""

    logins: str
    """Address for logins of any mechanism, over TLS."""
    certificates: str
    """Address that asks for the client's own certificate."""
    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / "ca.pem"


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, cwd=folder, capture_output=True)


def make_certificates(folder: Path) -> None:
    """An authority, a broker's and a client's certificate, and an authority of nobody's."""
    for name in ("ca", "stranger"):
        _openssl(
            folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
        )  # fmt: skip
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("broker", "client"):
        _openssl(
            folder, "req", "-newkey", "ec", "-pkeyopt", CURVE, "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.csr",
        )  # fmt: skip
        _openssl(
            folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem",
        )  # fmt: skip
        both = (folder / f"{name}.key").read_text() + (folder / f"{name}.pem").read_text()
        (folder / f"{name}-both.pem").write_text(both)
    _openssl(
        folder, "pkcs8", "-topk8", "-in", "client.key", "-passout", "pass:locked",
        "-out", "client-locked.key",
    )  # fmt: skip


def _properties(folder: Path, logins: int, certificates: int, inner: int, voter: int) -> str:
    user = f'username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}"'
    token = 'OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
    ports = {"LOGINS": logins, "CERTIFICATES": certificates, "INNER": inner, "CONTROLLER": voter}
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    return f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{voter}
controller.listener.names=CONTROLLER
inter.broker.listener.name=INNER
listeners={listeners}
listener.security.protocol.map=LOGINS:SASL_SSL,CERTIFICATES:SSL,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker-both.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.certificates.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.logins.plain.sasl.jaas.config={MODULES}.plain.PlainLoginModule required {user};
listener.name.logins.scram-sha-256.sasl.jaas.config={MODULES}.scram.ScramLoginModule required;
listener.name.logins.scram-sha-512.sasl.jaas.config={MODULES}.scram.ScramLoginModule required;
listener.name.logins.oauthbearer.sasl.jaas.config={MODULES}.oauthbearer.{token}
"""


@contextlib.contextmanager
def secure_kafka(home: Path, folder: Path) -> Iterator[SecureKafka]:
    """A running broker; `home` is where Kafka's jars lie in `libs`."""
    make_certificates(folder)
    logins, certificates, inner, voter = (free_port() for _ in range(4))
    configuration = folder / "server.properties"
    configuration.write_text(_properties(folder, logins, certificates, inner, voter))
    java = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    java += [f"-Dlog4j2.configurationFile={home / 'log4j2.yaml'}", "-cp", f"{home / 'libs'}/*"]
    users = [
        argument
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        for argument in ("--add-scram", f'{mechanism}=[name={USER},password="{PASSWORD}"]')
    ]
    with (folder / "stdout").open("wb") as output:
        subprocess.run(
            [*java, "kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ",
             "-c", str(configuration), *users],
            check=True, stdout=output, stderr=output, timeout=120,
        )  # fmt: skip
        process = subprocess.Popen(
            [*java, "kafka.Kafka", str(configuration)],
            stdout=output,
            stderr=output,
            env={**os.environ, "LANG": "C.UTF-8"},
        )
        try:
            _wait(process, f"127.0.0.1:{inner}", folder)
            yield SecureKafka(f"localhost:{logins}", f"localhost:{certificates}", folder)
        finally:
            process.terminate()
            process.wait(60)


def _wait(process: subprocess.Popen[bytes], server: str, folder: Path) -> None:
    deadline = time.monotonic() + 180
    while True:
        assert process.poll() is None, (folder / "stdout").read_text()[-3_000:]
        try:
            KafkaAdminClient(bootstrap_servers=server, bootstrap_timeout_ms=2_000).close()
            return
        except KafkaError:
            assert time.monotonic() < deadline, "the broker did not come up"
