"""Where a text names the companies that it is asked about."""

from models.mentions import mentions
from models.watched import Company
from models.watchlist import Watchlist

WATCHLIST = Watchlist(
    [
        Company(name="Alphabet", aliases=("Google", "谷歌")),
        Company(name="Siemens Energy"),
        Company(name="Target", ambiguous=("Target",)),
    ]
)


def named(text: str, *names: str) -> list[list[str]]:
    return [[text[start:end] for start, end in spans] for spans in mentions(text, names, WATCHLIST)]


def test_names_are_found_case_aside_and_as_words() -> None:
    text = "ALDI soars as Tesco slumps; aldis do not count"
    assert named(text, "Aldi", "tesco", "Lidl") == [["ALDI"], ["Tesco"], []]


def test_a_watched_company_is_found_by_all_its_names() -> None:
    assert named("谷歌 beats as Google cloud grows", "alphabet") == [["谷歌", "Google"]]
    assert named("Alphabet rises", "谷歌") == [["Alphabet"]]
    assert named("A target for Target", "Target") == [["target", "Target"]], "asked for, no doubt"


def test_a_longer_name_goes_first_asked_about_or_only_watched() -> None:
    text = "Siemens rises while Siemens Energy falls"
    assert named(text, "Siemens") == [["Siemens"]]
    assert named(text, "Siemens", "Siemens Energy") == [["Siemens"], ["Siemens Energy"]]
    assert named("平安银行下跌，平安上涨", "平安", "平安银行") == [["平安"], ["平安银行"]]


def test_a_company_that_is_asked_about_twice_is_answered_twice() -> None:
    assert named("Aldi soars", "Aldi", "aldi") == [["Aldi"], ["Aldi"]]
    assert mentions("Aldi soars", [], WATCHLIST) == []
