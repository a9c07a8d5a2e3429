"""Articles and the companies in them, asked of the bundled models together."""

from datetime import UTC, datetime

import msgspec
import pytest

from models.scorer import Scorer
from models.watched import Company
from models.watchlist import Watchlist
from monitor.events import ArticleEvent
from monitor.scoring import MAX_COMPANIES_ASKED, finish, prepare, service_options
from monitor.settings import Settings
from monitor.stories import contributions, counted
from tests.unit.monitor.stories_data import scored

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WATCHLIST = Watchlist(
    [
        Company(name="Aldi"),
        Company(name="Tesco", aliases=("乐购",)),
        *(Company(name=f"Company{letter}") for letter in "ABCDEFGHIJ"),
    ]
)


def article(name: str, title: str, text: str = "") -> ArticleEvent:
    return msgspec.structs.replace(scored(name, title).article, text=text)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load()


def test_a_company_has_a_sentiment_of_its_own(scorer: Scorer) -> None:
    articles = [
        article("a", "Aldi soars to a record profit while Tesco collapses in a fraud scandal"),
        article("b", "The meeting is on Tuesday"),
        article("c", "乐购股价暴跌，濒临破产"),
    ]
    asked = prepare(scorer, articles, WATCHLIST)
    events = finish(asked, scorer.run(asked.prepared), NOW)
    assert [event.entities for event in events] == [("Aldi", "Tesco"), (), ("Tesco",)]
    assert [set(event.companies) for event in events] == [{"Aldi", "Tesco"}, set(), {"Tesco"}]
    assert events[0].companies["Aldi"][2] > 0.5 > events[0].companies["Aldi"][0]
    assert events[0].companies["Tesco"][0] > 0.5
    assert events[2].companies["Tesco"][0] > 0.5

    tallies = contributions([counted(events[0])])
    found = {key[:2]: (counts.negative, counts.positive) for key, counts in tallies.items()}
    assert found["entity", "Aldi"] == (0, 1)
    assert found["entity", "Tesco"] == (1, 0)
    assert found["all", "all"] == found["source", "wire"]


def test_whole_texts_read_as_they_do_without_companies(scorer: Scorer) -> None:
    articles = [article("a", "Aldi soars"), article("b", "Tesco slumps", "Tesco slumps again")]
    alone = prepare(scorer, articles, Watchlist([]))
    together = prepare(scorer, articles, WATCHLIST)
    for one, other in zip(
        finish(alone, scorer.run(alone.prepared), NOW),
        finish(together, scorer.run(together.prepared), NOW),
        strict=True,
    ):
        assert abs(one.negative - other.negative) < 2e-4
        assert (one.topics.keys(), one.companies) == (other.topics.keys(), {})


def test_a_theme_counts_with_the_sentiment_of_the_article_and_is_not_asked_about(
    scorer: Scorer,
) -> None:
    watched = [Company(name="Aldi"), Company(name="Aldi market", kind="theme", aliases=("Iran",))]
    articles = [article("a", "Missiles hit Iran, dozens are dead; Aldi soars to a record profit")]
    asked = prepare(scorer, articles, Watchlist(watched))
    (event,) = finish(asked, scorer.run(asked.prepared), NOW)
    assert (event.entities, event.themes) == (("Aldi",), ("Aldi market",))
    assert list(event.companies) == ["Aldi"]
    tallies = contributions([counted(event)])
    found = {key[:2]: counts for key, counts in tallies.items()}
    assert found["theme", "Aldi market"] == found["all", "all"]


def test_an_article_that_names_many_is_asked_about_the_first(scorer: Scorer) -> None:
    names = [f"Company{letter}" for letter in "JIHGFEDCBA"]
    asked = prepare(scorer, [article("a", "Shares fall: " + ", ".join(names))], WATCHLIST)
    (event,) = finish(asked, scorer.run(asked.prepared), NOW)
    assert list(event.companies) == names[:MAX_COMPANIES_ASKED]
    assert event.entities == tuple(sorted(names)), "the others count with the whole text's"


def test_models_are_opened_as_the_settings_say() -> None:
    chosen = {"device": "cuda:1", "batch_tokens": 512, "threads": 3, "max_tokens": 32}
    options = service_options(Settings.model_validate({"models": chosen}))
    assert (options.backend.device, options.max_tokens) == ("cuda:1", 32)
    assert (options.backend.batch_tokens, options.backend.threads) == (512, 3)
