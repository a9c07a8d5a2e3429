"""Companies in texts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.watched import Company, WatchlistFile
from models.watchlist import Watchlist

WATCHLIST = Watchlist(
    [
        Company(name="Bank of America", aliases=("BofA",), tickers=("BAC",)),
        Company(name="Citigroup", aliases=("Citi", "花旗"), tickers=("C",)),
        Company(name="Apple", tickers=("AAPL",)),
        Company(name="O'Reilly", tickers=("ORLY",)),
        Company(name="AMD"),
        Company(name="诺和诺德", aliases=("Novo Nordisk",)),
        Company(name="America"),
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bank of America falls", {"Bank of America"}),
        ("America first", {"America"}),
        ("C is for citi, said $C", {"Citigroup"}),
        ("C is a letter", set()),
        ("(C) and NYSE: C", {"Citigroup"}),
        ("a C.E.O. and U.S.C.A.", set()),
        ("花旗：（C）", {"Citigroup"}),
        ("pineapple and apples", set()),
        ("Apple's results", {"Apple"}),
        ("$aapl, AAPL.O and AAPL", {"Apple"}),
        ("O’Reilly closes stores", {"O'Reilly"}),
        ("amd the others", set()),
        ("AMD rises", {"AMD"}),
        ("诺和诺德欧股下跌11%", {"诺和诺德"}),
        ("花旗集团与苹果", {"Citigroup"}),
        ("", set()),
    ],
)
def test_names_and_tickers(text: str, found: set[str]) -> None:
    assert set(WATCHLIST.find(text)) == found


def test_an_empty_watchlist_finds_nothing() -> None:
    assert Watchlist([]).find("Apple") == ()


def test_blank_and_double_names_are_refused() -> None:
    with pytest.raises(ValidationError, match="match everything"):
        Company(name="A", aliases=(" ",))
    with pytest.raises(ValidationError, match="'A' stands twice"):
        WatchlistFile(companies=(Company(name="A"), Company(name="A")))


AMBIGUOUS = Watchlist(
    [
        Company(
            name="Apple",
            aliases=("苹果", "苹果公司"),
            tickers=("AAPL",),
            isin=("US0378331005",),
            lei="HWUPKR0MPOU8FGXBT394",
            ambiguous=("Apple", "苹果"),
            cues=("iPhone", "库克"),
            not_in=("Big Apple", "苹果期货"),
        ),
        Company(name="Target", tickers=("TGT",), ambiguous=("Target",)),
        Company(name="Caterpillar", tickers=("CAT",), ambiguous=("CAT",)),
        Company(name="Ping An", aliases=("中国平安",), ambiguous=("平安",)),
        Company(name="Gap", ambiguous=("Gap",)),
        Company(name="Gap Minerals"),
    ]
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Apple harvest is late", set()),
        ("Apple Inc is sued", {"Apple"}),
        ("Apple's Q3 results", {"Apple"}),
        ("Investors in Apple cheer", {"Apple"}),
        ("Apple opens a store (AAPL)", {"Apple"}),
        ("Apple, US0378331005", {"Apple"}),
        ("us0378331005x and HWUPKR0MPOU8FGXBT3945", set()),
        ("LEI: HWUPKR0MPOU8FGXBT394", {"Apple"}),
        ("Why Apple waits with the next iPhone", {"Apple"}),
        ("An apple a day; shares of apple growers", set()),
        ("Big Apple stock exchange", set()),
        ("Price Target raised, shares jump", set()),
        ("Target CEO leaves", {"Target"}),
        ("Target to close stores, $TGT falls", {"Target"}),
        ("A CAT sat here", set()),
        ("CAT shares fall", {"Caterpillar"}),
        ("$CAT, or (CAT), or CAT.N", {"Caterpillar"}),
        ("Gap widens as shares of others rise", set()),
        ("Shares of Gap Minerals rise", {"Gap Minerals"}),
        ("Gap shares fall; Gap Minerals too", {"Gap", "Gap Minerals"}),
        ("苹果价格上涨", set()),
        ("苹果期货股价", set()),
        ("苹果股价大跌", {"Apple"}),
        ("美股苹果走低", {"Apple"}),
        ("库克谈苹果", {"Apple"}),
        ("苹果（Apple）走低", {"Apple"}),
        ("苹果公司走低", {"Apple"}),
        ("旅客平安抵达", set()),
        ("平安发布年报", {"Ping An"}),
        ("中国平安涨，平安领先", {"Ping An"}),
    ],
)
def test_an_ambiguous_name_needs_a_second_cue(text: str, found: set[str]) -> None:
    assert set(AMBIGUOUS.find(text)) == found


def test_spans_are_of_the_text_as_it_was_written() -> None:
    text = "Bank  of\n\tAmerica falls;\u3000花旗 and O’Reilly   and \u0130 Bank of America"
    found = {
        name: [text[start:end] for start, end in spans]
        for name, spans in WATCHLIST.find_spans(text).items()
    }
    assert found == {
        "Bank of America": ["Bank  of\n\tAmerica", "Bank of America"],
        "Citigroup": ["花旗"],
        "O'Reilly": ["O’Reilly"],
    }
    assert list(found) == ["Bank of America", "Citigroup", "O'Reilly"], "as they are mentioned"


PIECES = st.sampled_from(
    [
        *("Bank of America", "America", "BofA", "花旗", "诺和诺德", "$C", "AAPL", "Apple", "apple"),
        *("苹果", "Target", "CEO", "iPhone", "股价", "平安", "中国平安"),
        *(" ", "  ", "\n", "x", "é", "İ", "，", "'s"),
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_spans_lie_in_the_text_are_sorted_and_never_overlap(text: str) -> None:
    for watchlist in (WATCHLIST, AMBIGUOUS):
        found = watchlist.find_spans(text)
        assert watchlist.find(text) == tuple(sorted(found))
        spans = sorted(span for spans in found.values() for span in spans)
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert all(list(own) == sorted(own) and own for own in found.values())
        assert all(text[start:end].strip() == text[start:end] for start, end in spans)


@given(st.text("我们在北京看见股价下跌，。", max_size=20), st.text("他说今天利好", max_size=20))
def test_a_chinese_name_is_found_between_any_words(before: str, after: str) -> None:
    start = len(before)
    assert WATCHLIST.find_spans(before + "诺和诺德" + after) == {"诺和诺德": ((start, start + 4),)}


def test_news_of_a_subsidiary_are_its_parents_where_it_rolls_up() -> None:
    companies = [
        Company(name="Group"),
        Company(name="Bank", parent="Group", rollup=True),
        Company(name="Broker", parent="Bank", rollup=True),
        Company(name="Insurer", parent="Group"),
    ]
    watchlist = Watchlist(companies)
    assert watchlist.find("Broker fails") == ("Bank", "Broker", "Group")
    assert watchlist.find("Insurer fails") == ("Insurer",)
    assert watchlist.find_spans("Group and Bank")["Group"] == ((0, 5), (10, 14))


@pytest.mark.parametrize(
    ("companies", "message"),
    [
        ([{"name": "A", "parent": "B"}], "'B' of 'A' is not in the list"),
        ([{"name": "A", "parent": "A"}], "'A' of 'A' is owned by it"),
        ([{"name": "A", "parent": "B"}, {"name": "B", "parent": "A"}], "is owned by it"),
        ([{"name": "A", "rollup": True}], "name the parent"),
        ([{"name": "A", "isin": "US0378331006"}], "check digit"),
        ([{"name": "A", "lei": "HWUPKR0MPOU8FGXBT395"}], "check digits"),
        ([{"name": "A", "language": "english!"}], "pattern"),
    ],
)
def test_what_cannot_be_is_refused(companies: list[dict[str, object]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WatchlistFile.model_validate({"companies": companies})
