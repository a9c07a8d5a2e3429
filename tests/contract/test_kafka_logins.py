"""Undertone over an encrypted Apache Kafka, with each login; nothing tells a secret."""

import base64
import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.bus_settings import PasswordLogin, TlsSettings, TokenLogin
from monitor.events import SCORED
from monitor.failures import Unavailable, UsageError
from tests.paths import SHARED, needs_shared
from tests.secure_kafka import PASSWORD, USER, SecureKafka, secure_kafka

pytestmark = needs_shared
CLIENT_SECRET = "the-client-knows"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    assert SHARED
    with secure_kafka(SHARED / "kafka", tmp_path_factory.mktemp("secure")) as running:
        yield running


def password_login(mechanism: str, password: str = PASSWORD) -> PasswordLogin:
    return PasswordLogin.model_validate(
        {"mechanism": mechanism, "username": USER, "password": password}
    )


def unsigned_token(life_seconds: float) -> str:
    """A token as brokers without an authority for tokens take it."""
    now = time.time()
    parts = ({"alg": "none"}, {"sub": "undertone", "iat": now, "exp": now + life_seconds})
    coded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return b".".join([*coded, b""]).decode()


@pytest.fixture
def token_server() -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """An OAuth 2 server: its address, and what it was asked."""
    asked: list[dict[str, list[str]]] = []
    expected = base64.b64encode(f"monitor:{CLIENT_SECRET}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append(parse_qs(form))
            known = self.headers["Authorization"] == f"Basic {expected}"
            body = {"access_token": unsigned_token(600), "expires_in": 600} if known else {}
            self.send_response(200 if known else 401)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: Any) -> None:
            """Nothing to standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/token", asked
    server.shutdown()
    server.server_close()


def goes_through(connection: KafkaConnection) -> None:
    """A topic is made, written, read and committed."""
    bus = KafkaBus(connection, f"t{uuid.uuid4().hex[:8]}.")
    bus.create_topics([SCORED], 1)
    producer = bus.producer()
    producer.send(SCORED, 0, "key", b"value")
    producer.flush()
    producer.close()
    consumer = bus.consumer(SCORED, "group")
    for _ in range(30):
        if found := consumer.poll(10, 1.0):
            break
    assert [record.value for record in found] == [b"value"]
    consumer.commit({(SCORED, 0): 1})
    consumer.close()
    assert bus.committed(SCORED, "group") == {0: 1}
    bus.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password_logs_in_over_tls_and_is_in_no_log(
    broker: SecureKafka, mechanism: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tls = TlsSettings(ca_file=broker.authority)
    connection = KafkaConnection(broker.logins, tls, password_login(mechanism))
    goes_through(connection)
    assert "kafka" in caplog.text
    assert PASSWORD not in caplog.text + repr(connection) + repr(vars(connection))


def test_a_wrong_password_is_told_with_the_user_and_without_it(broker: SecureKafka) -> None:
    tls = TlsSettings(ca_file=broker.authority)
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        login = password_login(mechanism, "wrong-one")
        bus = KafkaBus(KafkaConnection(broker.logins, tls, login))
        with pytest.raises(
            Unavailable, match=rf"login of '{USER}' \({mechanism}\) fails"
        ) as caught:
            bus.create_topics([SCORED], 1)
        assert "wrong-one" not in str(caught.value)


def test_a_token_from_a_file_logs_in(broker: SecureKafka, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(unsigned_token(600) + "\n")
    login = TokenLogin(mechanism="OAUTHBEARER", token_file=file)
    tls = TlsSettings(ca_file=broker.authority)
    goes_through(KafkaConnection(broker.logins, tls, login))
    file.unlink()
    with pytest.raises(Unavailable, match=rf"bus\.sasl\.token_file: {file}: No such file"):
        KafkaBus(KafkaConnection(broker.logins, tls, login)).create_topics([SCORED], 1)


def test_a_token_from_a_server_logs_in_and_serves_all_clients(
    broker: SecureKafka, token_server: tuple[str, list[dict[str, list[str]]]]
) -> None:
    url, asked = token_server
    login = TokenLogin(
        mechanism="OAUTHBEARER",
        token_url=url,
        client_id="monitor",
        client_secret=SecretStr(CLIENT_SECRET),
        scope="kafka",
    )
    tls = TlsSettings(ca_file=broker.authority)
    goes_through(KafkaConnection(broker.logins, tls, login))
    assert asked == [{"grant_type": ["client_credentials"], "scope": ["kafka"]}]
    stranger = login.model_copy(update={"client_secret": SecretStr("not-the-secret")})
    with pytest.raises(Unavailable, match=r"/token answers HTTP 401") as caught:
        KafkaBus(KafkaConnection(broker.logins, tls, stranger)).create_topics([SCORED], 1)
    assert "not-the-secret" not in str(caught.value)


def test_our_own_certificate_is_shown_where_it_is_asked_for(broker: SecureKafka) -> None:
    tls = TlsSettings(
        ca_file=broker.authority,
        certificate_file=broker.folder / "client.pem",
        key_file=broker.folder / "client-locked.key",
        key_password=SecretStr("locked"),
    )
    goes_through(KafkaConnection(broker.certificates, tls))


def test_a_broker_of_another_authority_is_not_trusted(broker: SecureKafka) -> None:
    tls = TlsSettings(ca_file=broker.folder / "stranger.pem")
    bus = KafkaBus(KafkaConnection(broker.logins, tls, password_login("PLAIN")))
    with pytest.raises(Unavailable, match=r"certificate"):
        bus.create_topics([SCORED], 1)


def test_certificates_that_cannot_be_used_are_named(broker: SecureKafka) -> None:
    folder = broker.folder
    for tls, told in (
        (TlsSettings(ca_file=folder / "none.pem"), r"tls\.ca_file: .*none\.pem: No such file"),
        (TlsSettings(ca_file=folder / "names"), r"tls\.ca_file: .*names: "),
        (
            TlsSettings(
                certificate_file=folder / "client.pem", key_file=folder / "client-locked.key"
            ),
            r"tls\.certificate_file, key_file: .*client-locked\.key: ",
        ),
    ):
        with pytest.raises(UsageError, match=told):
            KafkaConnection(broker.logins, tls).options()
