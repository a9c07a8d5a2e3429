"""A replay onto either bus: all of an archive once, however often ingest is started."""

import json
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from monitor.bus import Bus
from monitor.events import ARTICLES, Watermark, decode_article
from monitor.failures import Invalid
from monitor.settings import IngestSettings, ReplaySettings
from monitor.workers.ingest import IngestPlan, IngestWorker
from tests.unit.monitor.stories_data import START


def archive(path: Path, hours: range, title: str = "Story") -> Path:
    rows = [
        {
            "title": f"{title} {hour}",
            "source": "wire",
            "published": (START + timedelta(hours=hour)).isoformat(),
            "url": f"https://example.com/{hour}",
            "language": "en",
        }
        for hour in hours
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def on_the_bus(bus: Bus) -> tuple[list[str], set[datetime]]:
    """Titles, and the times of watermarks."""
    titles: list[str] = []
    marks: set[datetime] = set()
    for partition in bus.end_offsets(ARTICLES):
        for record in bus.read(ARTICLES, partition):
            event = decode_article(record.value)
            assert not isinstance(event, Invalid)
            if isinstance(event, Watermark):
                marks.add(event.through)
            else:
                titles.append(event.title)
    return sorted(titles), marks


def play(bus: Bus, engine: Engine, replay: ReplaySettings, last: Path, hour: int) -> list[str]:
    """The titles on the bus after a start of ingest that came to the end of its plan: to the one
    article, of that hour, of the archive `last`."""
    stop = threading.Event()
    replays = [replay, ReplaySettings(path=archive(last, range(hour, hour + 1), "End"))]
    plan = IngestPlan([], replays, IngestSettings())
    thread = threading.Thread(target=IngestWorker(bus, engine, plan, "one").run, args=(stop,))
    thread.start()
    deadline = time.monotonic() + 60
    end = START + timedelta(hours=hour, minutes=5)
    while end not in on_the_bus(bus)[1]:
        assert time.monotonic() < deadline, "ingest did not come to its end"
        time.sleep(0.1)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    return [title for title in on_the_bus(bus)[0] if title.startswith("Story")]


def test_a_replay_goes_on_where_it_was(bus: Bus, engine: Engine, tmp_path: Path) -> None:
    bus.create_topics([ARTICLES], 2)
    path = archive(tmp_path / "archive.jsonl", range(30))
    part = ReplaySettings(path=path, limit=20)
    once = play(bus, engine, part, tmp_path / "first.jsonl", 100)
    assert len(once) == 20
    assert play(bus, engine, part, tmp_path / "second.jsonl", 200) == once
    # Another replay of the same file begins at its beginning.
    whole = ReplaySettings(path=path)
    assert len(play(bus, engine, whole, tmp_path / "third.jsonl", 300)) == 20 + 30
