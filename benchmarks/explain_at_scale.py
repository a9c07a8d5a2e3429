"""Whether `explain` tells every alert of a replayed archive from one that was tampered with.

    python -m benchmarks.explain_at_scale ARCHIVE --model DIR [--watchlist FILE] [--articles 50000]

The archive is scored and goes through the aggregate and the detect role with a clock of its own, in
the order of publication, a part of it late. Then every alert is explained: equal is wanted. After
that the store is altered behind each alert in three ways, one at a time, and restored: the score of
one article of its window moves by 1/10,000, the model of one article is exchanged, one digit of its
rule is another. Not equal is wanted each time.
"""

import contextlib
import json
import random
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
from pydantic import ValidationError
from ruamel.yaml import YAML
from sqlalchemy import Engine, select, update

from alerts.alert import Alert
from alerts.rules import AnyRule, RuleFile
from ingest.archives import RefusedRow, read_archive
from ingest.article import Article
from models.watchlist import Watchlist
from monitor.bus.embedded import EmbeddedBus
from monitor.events import SCORED, article_event
from monitor.explanation import Explanation, explain
from monitor.scoring import finish, load_scorer, prepare
from monitor.settings import DEFAULT_RULES, Settings, load_settings
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store, reading, writing
from monitor.store.ingestion import Advance, apply
from monitor.store.readers import article_count
from monitor.store.schema import articles
from monitor.workers import aggregate
from monitor.workers.detect import DetectWorker

BATCH = 250
LATE_SHARE = 0.03
MAX_DELAY = timedelta(days=2)
_SETTING = re.compile(r"^ +(?!description)\w+: (.*[0-9].*)$", re.MULTILINE)


def in_order(path: Path, count: int) -> list[tuple[datetime, Article]]:
    """When each article comes in, and the article."""
    source = random.Random(0)
    found = [row for row in read_archive(path, {}, None) if not isinstance(row, RefusedRow)]
    found = sorted(found, key=lambda item: item.published)[:count]
    delays = (
        source.uniform(0, 1) * MAX_DELAY if source.random() < LATE_SHARE else timedelta()
        for _ in found
    )
    coming = [(item.published + delay, item) for item, delay in zip(found, delays, strict=True)]
    return sorted(coming, key=lambda pair: pair[0])


def replay(engine: Engine, bus: EmbeddedBus, settings: Settings, path: Path, count: int) -> None:
    """Through scoring, counting and detection, by the archive's clock."""
    coming = in_order(path, count)
    scorer = load_scorer(settings)
    watchlist = Watchlist(settings.watchlist_file.companies)
    clock = coming[0][0]
    rules = settings.rule_file.rules
    worker = DetectWorker(bus, engine, rules, ["desk"], "bench", now=lambda: clock)
    first = coming[0][0]
    for number, start in enumerate(range(0, len(coming), BATCH)):
        chunk = coming[start : start + BATCH]
        events = [
            msgspec.structs.replace(article_event(article), first_seen=seen)
            for seen, article in chunk
        ]
        mark = chunk[-1][0]
        clock = mark + timedelta(minutes=1)
        asked = prepare(scorer, events, watchlist)
        scored = finish(asked, scorer.run(asked.prepared), clock)
        apply(
            engine,
            scored,
            Advance(aggregate.GROUP, (SCORED, 0), number, number + 1, mark, first),
        )
        worker.once(1)
    # A day without news, so that the last buckets close.
    clock = mark + timedelta(days=1)
    end = Advance(aggregate.GROUP, (SCORED, 0), number + 1, number + 2, clock, first)
    apply(engine, [], end)
    worker.once(1)


@contextlib.contextmanager
def altered(engine: Engine, article_id: str, **values: Any) -> Iterator[None]:
    """The store with other values in an article's row; restored at the end."""
    where = articles.c.id == article_id
    columns = [articles.c[name] for name in values]
    with reading(engine) as connection:
        before = connection.execute(select(*columns).where(where)).one()._asdict()
    with writing(engine) as connection:
        connection.execute(update(articles).where(where).values(values))
    yield
    with writing(engine) as connection:
        connection.execute(update(articles).where(where).values(before))


def another_score(engine: Engine, alert: Alert, article_id: str) -> dict[str, Any]:
    """How an article reads for what the alert is about, by 1/10,000 more or less negative."""
    columns = (articles.c.negative, articles.c.companies)
    with reading(engine) as connection:
        row = connection.execute(select(*columns).where(articles.c.id == article_id)).one()
    said = json.loads(row.companies or "{}")
    if alert.dimension == "entity" and alert.key in said:
        said[alert.key][0] += 1 if said[alert.key][0] < 10_000 else -1
        return {"companies": json.dumps(said)}
    return {"negative": row.negative + (1 if row.negative < 10_000 else -1)}


def digits_changed(name: str) -> list[Sequence[AnyRule]]:
    """The default rules with one digit of one rule another, in every place where that still is a
    rule file."""
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    begin = text.index(f"- name: {name}\n")
    end = text.find("\n  - name: ", begin)
    changed: list[Sequence[AnyRule]] = []
    for match in _SETTING.finditer(text, begin, len(text) if end < 0 else end):
        for place in range(match.start(1), match.end(1)):
            if text[place].isdigit():
                digit = str((int(text[place]) + 1) % 10)
                content = YAML(typ="safe").load(text[:place] + digit + text[place + 1 :])
                with contextlib.suppress(ValidationError):
                    changed.append(RuleFile.model_validate(content).rules)
    return changed


def counted(explanations: Sequence[Explanation], wanted: bool) -> dict[str, int]:
    right = sum(item.equal is wanted for item in explanations)
    return {"right": right, "wrong": len(explanations) - right}


def tampered(
    engine: Engine, rules: Sequence[AnyRule], told: Sequence[Explanation]
) -> dict[str, list[Explanation]]:
    """Each alert explained again after each of the three changes."""
    source = random.Random(1)
    changed = {name: digits_changed(name) for name in {item.alert.rule for item in told}}
    found: dict[str, list[Explanation]] = {"score": [], "model": [], "rule": []}
    for item in told:
        alert = item.alert
        name = source.choice(item.articles).id
        with altered(engine, name, **another_score(engine, alert, name)):
            found["score"].append(explain(engine, rules, alert))
        with altered(engine, name, model="another-model@1"):
            found["model"].append(explain(engine, rules, alert))
        found["rule"].append(explain(engine, source.choice(changed[alert.rule]), alert))
    return found


@click.command()
@click.argument("archive", type=click.Path(exists=True, path_type=Path))
@click.option("--model", required=True, help="As models.english and models.chinese name it.")
@click.option("--watchlist", type=click.Path(exists=True, path_type=Path))
@click.option("--articles", "count", default=50_000, show_default=True)
@click.option("--tampered", "sample", default=100, show_default=True, help="Alerts; 0: all.")
@click.option("--json", "as_json", is_flag=True)
def main(
    archive: Path, model: str, watchlist: Path | None, count: int, sample: int, as_json: bool
) -> None:
    """Replay, explain, tamper, and count what `explain` says."""
    with tempfile.TemporaryDirectory(prefix="undertone-") as folder:
        settings = settings_for(Path(folder), model, watchlist)
        engine, bus = open_store(settings.store_url), EmbeddedBus(Path(folder) / "bus.db")
        replay(engine, bus, settings, archive, count)
        rules = settings.rule_file.rules
        began = time.perf_counter()
        fired = alert_store.listing(engine)
        told = [explain(engine, rules, alert) for alert in fired]
        seconds = (time.perf_counter() - began) / max(1, len(told))
        chosen = random.Random(2).sample(told, min(sample or len(told), len(told)))
        figures: dict[str, Any] = {
            "articles": article_count(engine),
            "late": sum(bool(item.late) for item in told),
            "alerts": len(told),
            "seconds_an_alert": round(seconds, 2),
            "untouched": counted(told, True),
        }
        click.echo(json.dumps(figures), err=True)
        for change, explanations in tampered(engine, rules, chosen).items():
            figures[change] = counted(explanations, False)
            for item in explanations:
                if item.equal:
                    click.echo(f"missed: {change} of {item.alert.id} {item.alert.rule}", err=True)
        again = [explain(engine, rules, item.alert) for item in chosen[:10]]
        figures["restored"] = counted(again, True)
        for item in told:
            if not item.equal:
                click.echo(f"{item.alert.id} {item.alert.rule}: {item.differences}", err=True)
        bus.close()
        engine.dispose()
    click.echo(json.dumps(figures, indent=None if as_json else 1))


def settings_for(folder: Path, model: str, watchlist: Path | None) -> Settings:
    config = folder / "undertone.yaml"
    models = {"english": model, "chinese": model}
    config.write_text(json.dumps({"data_dir": "var", "sample": False, "models": models}))
    (folder / "var").mkdir()
    return load_settings(config, {"watchlist": watchlist})


if __name__ == "__main__":
    main()
