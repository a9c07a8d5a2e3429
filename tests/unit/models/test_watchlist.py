"""Companies in texts."""

import pytest
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
