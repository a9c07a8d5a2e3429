"""Counting stories: once each, whatever the order."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.article import Article, content_hash
from ingest.feeds.decider import KnownEntry, decide
from monitor.events import ScoredEvent, article_event
from monitor.stories import (
    CountedArticle,
    Counts,
    TallyKey,
    bucket_of,
    change,
    contributions,
    counted,
)
from tests.unit.monitor.stories_data import START, scored

BUCKET = bucket_of(START)


def test_a_story_counts_once_for_each_key() -> None:
    found = contributions([counted(scored("a"))])
    assert set(found) == {
        ("all", "all", BUCKET),
        ("source", "wire", BUCKET),
        ("language", "en", BUCKET),
        ("topic", "credit", BUCKET),
        ("entity", "Bank", BUCKET),
    }
    assert all(
        counts == Counts(stories=1, articles=1, negative=1, negative_sum=9_000)
        for counts in found.values()
    )


def test_copies_within_72_hours_join_and_count_as_reach() -> None:
    copies = [counted(scored("a")), counted(scored("b", hours=71, source="other"))]
    found = contributions(copies)
    later = bucket_of(copies[1].published)
    assert found["all", "all", BUCKET].stories == 1
    assert found["all", "all", later] == Counts(articles=1)
    assert found["source", "other", later].stories == 1


def test_the_same_title_after_72_hours_is_another_story() -> None:
    found = contributions([counted(scored("a")), counted(scored("b", hours=72.1))])
    assert sum(counts.stories for key, counts in found.items() if key[0] == "all") == 2


def test_case_and_punctuation_do_not_part_copies() -> None:
    first, second = counted(scored("a", "Bank fails!")), counted(scored("b", "BANK FAILS"))
    assert first.story_key == second.story_key


def test_a_company_counts_with_its_own_sentiment() -> None:
    companies = {"Aldi": (0.1, 0.2, 0.7), "Tesco": (0.8, 0.1, 0.1)}
    event = scored("a", negative=0.6, entities=("Aldi", "Lidl", "Tesco"), companies=companies)
    found = contributions([counted(event)])
    assert found["entity", "Aldi", BUCKET] == Counts(1, 1, positive=1, negative_sum=1_000)
    assert found["entity", "Tesco", BUCKET] == Counts(1, 1, negative=1, negative_sum=8_000)
    whole = Counts(1, 1, negative=1, negative_sum=6_000)
    assert found["entity", "Lidl", BUCKET] == whole, "it was not asked about"
    assert found["all", "all", BUCKET] == found["topic", "credit", BUCKET] == whole


def version(name: str, title: str, hours: float, seen_hours: float) -> ScoredEvent:
    """What is said of an article follows from its words, as a model's answer does."""
    return scored(
        name,
        title,
        hours,
        source="wire" if name < "d" else "paper",
        negative=0.1 if title.startswith("Profit") else 0.9,
        topics=("credit", "banks") if title == "!!!" else ("credit",),
        entities=("Bank", "Rival"),
        companies={
            "Bank fails": {"Bank": (0.8, 0.1, 0.1), "Rival": (0.1, 0.2, 0.7)},
            "Profit rises": {"Rival": (0.6, 0.3, 0.1)},
        }.get(title),
        seen_hours=seen_hours,
    )


EVENTS = st.lists(
    st.builds(
        version,
        name=st.sampled_from("abcdefgh"),
        title=st.sampled_from(["Bank fails", "Profit rises", "!!!"]),
        hours=st.sampled_from([0.0, 0.05, 30.0, 71.0, 73.0, 140.0, 220.0]),
        seen_hours=st.sampled_from([221.0, 230.0, 240.0]),
    ),
    max_size=12,
    unique_by=lambda event: (event.article.id, event.article.title, event.article.published),
)


@given(events=EVENTS, data=st.data())
def test_any_order_and_any_batches_end_in_the_same_tallies(
    events: list[ScoredEvent], data: st.DataObject
) -> None:
    articles = [counted(event) for event in events]
    shuffled = data.draw(st.permutations(articles))
    tallies = _tallies([articles])
    assert tallies == _tallies([[article] for article in shuffled])
    assert all(
        counts.stories == counts.negative + counts.neutral + counts.positive
        for counts in tallies.values()
    )


def _tallies(batches: list[list[CountedArticle]]) -> dict[TallyKey, Counts]:
    """Apply batches one after another to an empty store kept in memory."""
    stored: dict[str, CountedArticle] = {}
    tallies: dict[TallyKey, Counts] = {}
    for batch in batches:
        same = {article.id: stored[article.id] for article in batch if article.id in stored}
        decided = change(batch, same, list(stored.values()))
        for article in [*decided.inserted, *decided.corrected]:
            stored[article.id] = article
        for key, counts in decided.tallies.items():
            tallies.setdefault(key, Counts()).add(counts)
    return {key: counts for key, counts in tallies.items() if counts}


@given(st.lists(st.text("abc", min_size=1, max_size=6), min_size=2, max_size=4))
def test_every_correction_of_a_feed_goes_before_what_it_corrects(wordings: list[str]) -> None:
    known: Mapping[str, KnownEntry] = {}
    stored: dict[str, CountedArticle] = {}
    for number, wording in enumerate(wordings):
        decision = decide(known, [_fetched(wording, START + timedelta(minutes=number))])
        known = decision.known
        events = [
            counted(msgspec.structs.replace(scored("x"), article=article_event(article)))
            for article in (*decision.new, *decision.changed)
        ]
        decided = change(events, stored, [])
        stored |= {item.id: item for item in (*decided.inserted, *decided.corrected)}
        assert stored["x"].content_hash == content_hash(wording, "")


def _fetched(title: str, at: datetime) -> Article:
    return Article("x", "wire", "", title, "", "en", START, at, False, content_hash(title, ""))
