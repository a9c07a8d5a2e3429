"""Labels and models in the console and its API, over a real server."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from alerts.alert import TopStory
from alerts.correction import Correction
from alerts.coverage import Coverage, Silent
from alerts.source_mix import split
from models.drift_watch import Reading
from monitor.bus.opening import open_bus
from monitor.settings import ModelSettings, Settings, WebSettings
from monitor.store import alerts as alert_store
from monitor.store import labels as label_store
from monitor.store.drift import save_drift
from monitor.store.engine import open_store, writing
from monitor.store.ingestion import apply
from monitor.store.shadow import ShadowScore, add_shadow_scores
from monitor.web.server import serve
from tests.servers import free_port
from tests.unit.alerts.records import alert
from tests.unit.monitor.stories_data import START, scored

PUBLIC = "https://undertone.example.com"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path / 'undertone.db'}")
    apply(
        made,
        [
            scored("a1", "<b>Unsure</b> & odd", negative=0.48),
            scored("b2", "Certain", negative=0.95),
        ],
        None,
    )
    yield made
    made.dispose()


@pytest.fixture
def console(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    # What the environment says of models would stand over all that is said here.
    monkeypatch.delenv("UNDERTONE_MODELS__BACKEND")
    settings = Settings(
        data_dir=tmp_path,
        sample=False,
        default_feeds=False,
        web=WebSettings(port=free_port(), public_url=PUBLIC),
        models=ModelSettings(low_confidence=0.6),
    )
    stop = threading.Event()
    bus = open_bus(settings)
    thread = threading.Thread(target=serve, args=(settings, engine, bus, stop))
    thread.start()
    transport = httpx.HTTPTransport(retries=10)
    address = f"http://127.0.0.1:{settings.web.port}"
    with httpx.Client(base_url=address, transport=transport, timeout=30) as client:
        yield client
    stop.set()
    thread.join()
    bus.close()


def test_a_label_by_the_api_is_kept_and_listed(console: httpx.Client) -> None:
    values = {"sentiment": "negative", "topics": ["credit"], "company": "Acme", "note": "坏"}
    answer = console.post("/api/articles/a1/labels", json=values)
    assert answer.status_code == 201
    stored = answer.json()
    assert {name: stored[name] for name in values} == values
    assert (stored["article_id"], stored["by"]) == ("a1", "api")
    assert console.get("/api/labels").json() == [stored]
    assert console.get("/api/labels", params={"article": "b2"}).json() == []
    console.post("/api/articles/a1/labels", json={"company": "Acme", "topics": []})
    (current,) = console.get("/api/labels", params={"article": "a1"}).json()
    assert (current["sentiment"], current["topics"]) == ("negative", [])
    assert len(console.get("/api/labels", params={"history": "1"}).json()) == 2


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"sentiment": "angry"}', 422, '"field":"sentiment"'),
        (b'{"topics": ["credits"]}', 422, "did you mean 'credit'?"),
        (b'{"sentiment": "neutral", "colour": 1}', 422, '"field":"colour"'),
        (b"{}", 422, '"field":"sentiment"'),
        (b"[]", 400, "JSON object"),
        (b"{", 400, "JSON object"),
        (b"\xff", 400, "JSON object"),
        (b'{"note": "' + b"x" * 20_000 + b'"}', 413, "16384"),
    ],
)
def test_what_is_no_label_is_refused(
    console: httpx.Client, engine: Engine, body: bytes, status: int, told: str
) -> None:
    kind = {"content-type": "application/json"}
    answer = console.post("/api/articles/a1/labels", content=body, headers=kind)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert label_store.history(engine) == []


def test_articles_and_limits_that_are_none(console: httpx.Client) -> None:
    good = {"sentiment": "neutral"}
    assert console.post("/api/articles/none/labels", json=good).status_code == 404
    assert console.post("/api/articles/%00/labels", json=good).status_code == 404
    assert console.post("/labels/none", data=good).status_code == 404
    plain = console.post("/api/articles/a1/labels", content=b"{}")
    assert plain.status_code == 415
    for query in ("limit=0", "limit=many", "limit=1001", "article=%00"):
        assert console.get(f"/api/labels?{query}").status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": PUBLIC}, 303),
        ({"origin": PUBLIC, "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_posts_of_other_sites_are_refused(
    console: httpx.Client, engine: Engine, headers: dict[str, str], status: int
) -> None:
    form = console.post("/labels/a1", data={"sentiment": "neutral"}, headers=headers)
    api = console.post("/api/articles/a1/labels", json={"sentiment": "neutral"}, headers=headers)
    assert (form.status_code, api.status_code) == (status, 201 if status == 303 else 403)
    assert len(label_store.history(engine)) == (2 if status == 303 else 0)


def test_the_page_lists_what_is_unsure_and_takes_a_label_without_script(
    console: httpx.Client, engine: Engine
) -> None:
    page = console.get("/labels").text
    assert "&lt;b&gt;Unsure&lt;/b&gt; &amp; odd" in page and "Certain" not in page
    assert 'action="/labels/a1"' in page
    fields = {"sentiment": "positive", "topics": ["banks", "legal"], "back": "/labels"}
    answer = console.post("/labels/a1", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/labels")
    (label,) = label_store.current(engine)
    assert (label.sentiment, label.topics, label.by) == ("positive", ("banks", "legal"), "console")
    assert "Unsure</b>" not in console.get("/labels").text.replace("&lt;b&gt;Unsure", "Unsure</b>")
    wrong = console.post("/labels/a1", data={"sentiment": "angry"})
    assert (wrong.status_code, "negative" in wrong.text) == (422, True)
    many = "&".join(f"topics={number}" for number in range(60))
    too_many = console.post("/labels/a1", content=many.encode())
    assert too_many.status_code == 422


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/labels\r\nx: y"])
def test_a_form_leads_nowhere_else(console: httpx.Client, back: str) -> None:
    answer = console.post("/labels/a1", data={"sentiment": "neutral", "back": back})
    assert answer.headers["location"] == "/labels"


def test_an_alert_lets_its_evidence_be_labelled(console: httpx.Client, engine: Engine) -> None:
    story = TopStory("Certain", "wire", START, "https://example.com/b2", 0.95)
    gone = TopStory("Since corrected", "wire", START, "https://example.com/c3", 0.9)
    shown = alert(top=(story, gone))
    with writing(engine) as connection:
        alert_store.save(connection, shown, "firing", [], START)
    place = f"/alerts/{shown.id}"
    page = console.get(place).text
    assert page.count('<form class="label"') == 1 and 'action="/labels/b2"' in page
    answer = console.post("/labels/b2", data={"sentiment": "neutral", "back": place})
    assert answer.headers["location"] == place
    page = console.get(place).text
    assert 'value="neutral" class="given"' in page and "by console" in page


def test_an_alert_tells_who_is_silent_and_what_moved_its_share(
    console: httpx.Client, engine: Engine
) -> None:
    move = split({"wire": (10, 2), "<b>blog</b>": (10, 4)}, {"wire": (8, 8)}, 86_400)
    silent = Silent("<i>post</i>", START, 0.002)
    shown = alert(
        move=move,
        coverage=Coverage(9, (silent,), 0.3),
        correction=Correction(0.85, 1.0, 0.9, 0.8),
    )
    with writing(engine) as connection:
        alert_store.save(connection, shown, "firing", [], START)
    for page in (f"/alerts/{shown.id}", f"/alerts/{shown.id}/explanation"):
        told = console.get(page).text
        assert "1 of 9 usual sources silent, 30% of the usual articles: low confidence" in told
        assert "points in 1 d (from 30% of 20)" in told
        assert "the models find 90% of what is negative" in told
        assert "since 2026-03-01 00:00 UTC; usually so long in 0.2% of cases" in told
        assert "&lt;b&gt;blog&lt;/b&gt;" in told and "&lt;i&gt;post" in told
        assert "<b>blog" not in told and "<i>post" not in told


def test_the_models_page_says_in_words_how_they_do(console: httpx.Client, engine: Engine) -> None:
    assert "No challenger has scored anything" in console.get("/models").text
    add_shadow_scores(
        engine,
        [
            ShadowScore(
                "a1", "en", "live@0", "negative", (0.7, 0.2, 0.1), "new@0", "positive",
                (0.1, 0.2, 0.7), START,
            )
        ],
    )  # fmt: skip
    save_drift(
        engine,
        "worker",
        [
            Reading("en", "all", "class", 0.3, 0.05, 900, "live@0", "live"),
            Reading("en", "<i>wire</i>", "tokens", None, None, 20, "live@0", "model"),
        ],
        START + timedelta(hours=1),
    )
    page = console.get("/models").text
    assert "live@0 and new@0" in page and "its first texts here" in page
    assert ">drifted<" in page and ">too few texts<" in page and "&lt;i&gt;wire" in page
    (report,) = console.get("/api/shadow").json()
    assert (report["texts"], report["agreed"], report["corrected"]) == (1, 0, None)
    worst, other = console.get("/api/drift").json()
    assert (worst["psi"], worst["verdict"], other["psi"]) == (0.3, "drifted", None)
