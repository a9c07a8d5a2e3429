"""What a user may say about the bus: secrets from the environment, and errors that tell none."""

from pathlib import Path

import pytest

from monitor.bus_settings import PasswordLogin, TokenLogin
from monitor.failures import UsageError
from monitor.settings import Settings, load_settings

SECRET = "s3cret-word"


def loaded(folder: Path, bus: str) -> Settings:
    path = folder / "undertone.yaml"
    path.write_text(f"bus:\n  kind: kafka\n  bootstrap_servers: kafka-1:9093\n{bus}")
    return load_settings(path, {})


def test_a_password_comes_from_the_environment_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", SECRET)
    bus = loaded(
        tmp_path,
        "  tls: {ca_file: ca.pem, certificate_file: /etc/client.pem}\n"
        "  sasl: {mechanism: SCRAM-SHA-512, username: ann, password: 'env:KAFKA_PASSWORD'}\n",
    ).bus
    assert isinstance(bus.sasl, PasswordLogin) and bus.tls
    assert bus.sasl.password.get_secret_value() == SECRET
    assert SECRET not in repr(bus) + bus.model_dump_json()
    assert (bus.tls.ca_file, bus.tls.certificate_file) == (
        tmp_path / "ca.pem",
        Path("/etc/client.pem"),
    )


def test_all_of_it_can_stand_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERTONE_BUS__SASL__MECHANISM", "OAUTHBEARER")
    monkeypatch.setenv("UNDERTONE_BUS__SASL__TOKEN_FILE", "/run/token")
    monkeypatch.setenv("UNDERTONE_BUS__TLS__CHECK_HOSTNAME", "false")
    bus = loaded(tmp_path, "").bus
    assert bus.sasl == TokenLogin(mechanism="OAUTHBEARER", token_file=Path("/run/token"))
    assert bus.tls and not bus.tls.check_hostname


@pytest.mark.parametrize(
    ("bus", "told"),
    [
        (
            f"  sasl: {{mechanism: PLAIN, username: ann, password: {SECRET}}}\n",
            "PLAIN would send the secret to kafka-1 in the clear; set tls too",
        ),
        (
            f"  sasl: {{mechanism: GSSAPI, username: ann, password: {SECRET}}}\n",
            "'PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'",
        ),
        (
            "  sasl: {mechanism: PLAIN, username: ann, password: 'env:NO_SUCH'}\n",
            "the environment has no variable 'NO_SUCH'",
        ),
        (
            "  tls: {}\n  sasl: {mechanism: OAUTHBEARER, token_url: 'http://id.example/token',"
            f" client_id: us, client_secret: {SECRET}}}\n",
            "token_url must begin with https://",
        ),
        ("  tls: {}\n  sasl: {mechanism: OAUTHBEARER}\n", "set either token_file, or token_url"),
        ("  tls: {key_file: key.pem}\n", "a key is of use only with certificate_file"),
        (
            "  min_insync_replicas: 2\n",
            "min_insync_replicas is 2, but replication_factor is 1: no record could ever be",
        ),
    ],
)
def test_what_cannot_work_is_refused_without_the_secret(
    tmp_path: Path, bus: str, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        loaded(tmp_path, bus)
    assert told in str(caught.value) and "undertone.yaml:" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_one_broker_may_be_away_by_default(tmp_path: Path) -> None:
    found = [
        loaded(tmp_path, f"  replication_factor: {replicas}\n").bus.in_sync
        for replicas in (1, 2, 3, 5)
    ]
    assert found == [1, 1, 2, 2]
