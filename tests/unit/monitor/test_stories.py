"""Counting stories: once each, whatever the order."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import Counts, TallyKey, bucket_of, change, contributions, counted
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


EVENTS = st.lists(
    st.builds(
        scored,
        name=st.sampled_from("abcdefgh"),
        title=st.sampled_from(["Bank fails", "Profit rises", "!!!"]),
        hours=st.sampled_from([0.0, 0.05, 30.0, 71.0, 73.0, 140.0, 220.0]),
        source=st.sampled_from(["wire", "paper"]),
        negative=st.sampled_from([0.1, 0.9]),
        topics=st.sampled_from([(), ("credit",), ("credit", "banks")]),
        seen_hours=st.sampled_from([221.0, 230.0, 240.0]),
    ),
    max_size=12,
)


@given(events=EVENTS, data=st.data())
def test_any_order_and_any_batches_end_in_the_same_tallies(
    events: list[object], data: st.DataObject
) -> None:
    articles = [counted(event) for event in events]  # type: ignore[arg-type]
    # What supersedes what is decided by when it was seen and by its words: make that a total order.
    unique = {(a.id, a.first_seen, a.content_hash): a for a in articles}
    articles = list(unique.values())
    shuffled = data.draw(st.permutations(articles))
    assert _tallies([articles]) == _tallies([[article] for article in shuffled])


def _tallies(batches: list[list[object]]) -> dict[TallyKey, Counts]:
    """Apply batches one after another to an empty store kept in memory."""
    stored: dict[str, object] = {}
    tallies: dict[TallyKey, Counts] = {}
    for batch in batches:
        same = {a.id: stored[a.id] for a in batch if a.id in stored}  # type: ignore[attr-defined]
        decided = change(batch, same, list(stored.values()))  # type: ignore[arg-type]
        for article in [*decided.inserted, *decided.corrected]:
            stored[article.id] = article
        for key, counts in decided.tallies.items():
            tallies.setdefault(key, Counts()).add(counts)
    return {key: counts for key, counts in tallies.items() if counts}
