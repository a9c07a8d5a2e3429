"""What a student reads, and what it must not."""

from models.training.examples import Example
from models.training.recipes import Corpus
from models.training.study import reading
from models.watched import Company
from models.watchlist import Watchlist

WATCHLIST = Watchlist([Company(name="Barclays"), Company(name="Aldi"), Company(name="Tesco")])


def test_texts_are_asked_in_more_ways_and_held_out_ones_in_none() -> None:
    labelled = Example("Aldi soars as Tesco slumps", "positive", None, "en", company="Aldi")
    whole = Example("Profit at barclays falls", "negative", frozenset({"earnings"}), "en", 2.0)
    plain = Example("Shares fall", None, frozenset({"markets"}), "en", single_topic=True)
    test = Example("Tesco wins a prize", "positive", None, "en")
    corpus = Corpus(
        train=[labelled, whole],
        valid=[Example("Rates rise", "neutral", None, "en")],
        tests={"set": [test]},
        sources=(),
        left_out=[plain, Example("Rates rise!", "negative", None, "en")],
        published=[Example("A published test", "neutral", None, "en")],
    )
    titles = [
        Example(text, None, None, "en")
        for text in ("Tesco wins a prize.", "A PUBLISHED test", "Rates  rise", "Gold gains")
    ]
    found = reading(corpus, titles, WATCHLIST)
    assert found == [
        labelled,
        whole,
        Example("Shares fall", None, None, "en"),
        Example("Gold gains", None, None, "en"),
        Example("Aldi soars as Tesco slumps", None, None, "en"),
        Example("Profit at barclays falls", None, None, "en", 2.0, company="barclays"),
    ]
