"""The same news through three stacks: the same tallies, the same alert, over real servers."""

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML
from sqlalchemy import create_engine, make_url, text

from alerts.series import BUCKET_SECONDS
from tests.integration.feed_server import Item, feed_server
from tests.integration.test_run import json_lines, undertone, wait_for
from tests.paths import needs_shared, shared
from tests.servers import free_port
from tests.unit.alerts.servers import Hook, Mailbox, mail_server, webhook

ARTICLES = 300
FEEDS = 6
BOOT_SECONDS = 120
"""The first watermark must come before the crisis ends: so long one start may take."""
COMPANY = "Orlestad Bank"
CRISIS = (
    "Orlestad Bank shares plunge 38% after default on bonds",
    "Orlestad Bank sued for fraud by the regulator",
    "Regulator opens investigation into losses at Orlestad Bank",
    "Orlestad Bank downgraded to junk as losses mount",
    "Orlestad Bank fails to repay bondholders, shares crash",
    "Orlestad Bank warns of bankruptcy after record loss",
    "Orlestad Bank stock tumbles to a record low on liquidity fears",
    "Orlestad Bank chief arrested in money-laundering probe",
    "Orlestad Bank cuts 4,000 jobs after heavy losses",
    "Orlestad Bank bonds collapse as default looms",
    "Orlestad Bank posts record quarterly loss, shares slump",
    "Orlestad Bank deposits fall sharply as customers flee",
    "Orlestad Bank shares suspended after 60% crash",
    "Orlestad Bank loses half its value in panic selling",
)


# Nothing was watched before: only the tone of the news can tell, which the default rules trust
# less. So a rule of the desk's own.
RULES = {
    "rules": [
        {
            "name": "company-surge",
            "detector": "surge",
            "dimension": "entity",
            "window": "48h",
            "baseline": "28d",
            "probability": 0.02,
        }
    ]
}


@dataclass
class Stack:
    """One running daemon, and what its desk gets."""

    name: str
    config: Path
    hook: Hook
    mailbox: Mailbox

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        answer = undertone(*arguments, "--json", "--config", str(self.config))
        assert answer.returncode == 0, answer.stderr
        return json_lines(answer.stdout)


def news(end: datetime) -> dict[str, list[Item]]:
    """The last articles of the archive's busiest sources by feed, the last one before `end`, and
    a feed with the crisis."""
    with gzip.open(shared("data", "archives", "feeds-2025-2026.jsonl.gz"), "rt") as lines:
        rows = [json.loads(line) for line in lines]
    busiest = {name for name, _ in Counter(row["source"] for row in rows).most_common(FEEDS)}
    rows = [row for row in rows if row["source"] in busiest and row["url"]]
    rows.sort(key=lambda row: datetime.fromisoformat(row["published"]))
    by_url = {row["url"]: row for row in rows}
    rows = list(by_url.values())[-ARTICLES:]
    shift = end - timedelta(minutes=5) - datetime.fromisoformat(rows[-1]["published"])
    feeds: defaultdict[str, list[Item]] = defaultdict(list)
    for row in rows:
        kind = "atom" if sorted(busiest).index(row["source"]) % 2 else "rss"
        published = datetime.fromisoformat(row["published"]).astimezone(UTC) + shift
        name = f"feed{sorted(busiest).index(row['source'])}.{kind}"
        feeds[name].append(Item(published, row["title"], row["text"], row["url"]))
    feeds["crisis.rss"] = [
        Item(end - timedelta(seconds=200 - 10 * n), title, "", f"https://example.com/{n}")
        for n, title in enumerate(CRISIS)
    ]
    return feeds


def write_config(
    folder: Path, server: str, names: Sequence[str], end: datetime, parts: Mapping[str, Any]
) -> Path:
    watchlist = folder / "watchlist.yaml"
    watchlist.write_text(f"companies:\n  - name: {COMPANY}\n", encoding="utf-8")
    rules = folder / "rules.yaml"
    YAML().dump(RULES, rules)
    # The watermark passes `end` so long after the start.
    grace = (datetime.now(UTC) + timedelta(seconds=BOOT_SECONDS) - end).total_seconds()
    config = folder / "undertone.yaml"
    YAML().dump(
        {
            "data_dir": "var",
            "sample": False,
            "default_feeds": False,
            "watchlist": watchlist.name,
            "rules": rules.name,
            "models": {"threads": 1},
            "ingest": {"watermark_seconds": 1, "grace_seconds": grace},
            "feeds": [
                {
                    "name": name,
                    "url": f"{server}/{name}",
                    "interval_seconds": 1,
                    "allow_private": True,
                }
                for name in names
            ],
            **parts,
        },
        config,
    )
    return config


@contextlib.contextmanager
def running(name: str, folder: Path, end: datetime, parts: Mapping[str, Any]) -> Iterator[Stack]:
    feeds = news(end)
    folder.mkdir()
    with (
        feed_server(feeds) as server,
        webhook("/services/T0/B0/secret") as hook,
        mail_server() as mailbox,
    ):
        channels = [
            {"name": "desk", "type": "slack", "webhook_url": hook.url},
            {
                "name": "mail",
                "type": "email",
                "host": "127.0.0.1",
                "port": mailbox.port,
                "security": "none",
                "sender": "undertone@example.com",
                "recipients": ["desk@example.com"],
            },
        ]
        config = write_config(folder, server, list(feeds), end, {**parts, "channels": channels})
        command = [sys.executable, "-m", "monitor", "run", "--config", str(config)]
        log, port = folder / "output", free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--port", str(port)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            stack = Stack(name, config, hook, mailbox)
            # The next stack boots when this one has read its feeds: two would slow each other.
            wait_for(lambda: reads_news(port), seconds=BOOT_SECONDS)
            yield stack
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
            print(f"{name} said:\n{log.read_text(encoding='utf-8')[-3_000:]}")
        assert code == 0


def reads_news(port: int) -> bool:
    """Whether the daemon on that port of loopback is up and has counted articles."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
    except httpx.TransportError:
        return False
    return answer.is_success and bool(answer.json()["newest_article"])


def new_database(server: str) -> str:
    """Address of a fresh database on a PostgreSQL server."""
    name = f"stack_{uuid.uuid4().hex[:8]}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@needs_shared
@pytest.mark.timeout(840)
def test_three_stacks_agree(tmp_path: Path, kafka: str, postgresql: str) -> None:
    def on_kafka() -> dict[str, Any]:
        prefix = f"s{uuid.uuid4().hex[:8]}."
        return {
            "kind": "kafka",
            "bootstrap_servers": kafka,
            "topic_prefix": prefix,
            "partitions": 2,
        }

    parts: dict[str, dict[str, Any]] = {
        "embedded-sqlite": {},
        "kafka-sqlite": {"bus": on_kafka()},
        "kafka-postgresql": {"bus": on_kafka(), "store": {"url": new_database(postgresql)}},
    }
    now = int(datetime.now(UTC).timestamp())
    end = datetime.fromtimestamp(now - now % BUCKET_SECONDS, UTC)
    expected = sum(len(items) for items in news(end).values())
    tallies: dict[str, list[dict[str, Any]]] = {}
    alerts: dict[str, list[dict[str, Any]]] = {}
    with contextlib.ExitStack() as stacks:
        running_stacks = [
            stacks.enter_context(running(name, tmp_path / name, end, part))
            for name, part in parts.items()
        ]
        for stack in running_stacks:

            def complete(stack: Stack = stack) -> bool:
                rows = stack.ask("tallies", "--dimension", "all", "--bucket", "1d")
                counted: int = sum(row["articles"] for row in rows)
                return counted == expected

            def told(stack: Stack = stack) -> bool:
                return bool(stack.hook.requests) and bool(stack.mailbox.mails)

            wait_for(complete, seconds=240)
            wait_for(told, seconds=BOOT_SECONDS + 120)
            tallies[stack.name] = stack.ask("tallies")
            alerts[stack.name] = stack.ask("alerts", "list")
            ((path, _, body),) = stack.hook.requests[:1]
            assert path == "/services/T0/B0/secret"
            assert COMPANY in body.decode() and json.loads(body)["blocks"]
            mail = stack.mailbox.mails[0]
            assert mail.rcpt_tos == ["desk@example.com"]
            assert isinstance(mail.content, bytes) and COMPANY in mail.content.decode()
    first, *others = tallies.values()
    assert all(other == first for other in others)
    for stack_alerts in alerts.values():
        (alert,) = [item for item in stack_alerts if item["rule"] == "company-surge"]
        assert alert["key"] == COMPANY
        assert alert["started"] == end.isoformat().replace("+00:00", "Z")
        assert {story["title"] for story in alert["top"]} <= set(CRISIS)
