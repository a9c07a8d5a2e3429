"""Watchlist files: what is wrong in them is named with line and field."""

from pathlib import Path

import pytest

from models.watched import Company
from models.watchlist import Watchlist
from monitor.cli.init import TEMPLATES
from monitor.watchlist_file import load_watchlist
from monitor.yamlfile import YamlFileError

APPLE = Company(
    name="Apple, the maker",
    aliases=("苹果", "Apple Inc"),
    tickers=("AAPL",),
    isin=("US0378331005",),
    lei="HWUPKR0MPOU8FGXBT394",
    language="en",
    ambiguous=("Apple",),
)


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(YamlFileError) as caught:
        load_watchlist(path)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


def test_both_forms_say_the_same(tmp_path: Path) -> None:
    in_yaml = write(
        tmp_path,
        "watchlist.yaml",
        "companies:\n"
        '  - {name: "Apple, the maker", aliases: [苹果, Apple Inc], tickers: [AAPL],\n'
        "     isin: US0378331005, lei: hwupkr0mpou8fgxbt394, language: en, ambiguous: [Apple]}\n"
        "  - {name: Beats, parent: 'Apple, the maker', rollup: true}\n"
        "themes:\n  - {name: Iran, aliases: [伊朗]}\n",
    )
    in_csv = write(
        tmp_path,
        "watchlist.CSV",
        "\ufeffName,aliases,tickers,ISIN,LEI,language,parent,rollup,ambiguous,kind\r\n"
        '"Apple, the maker",苹果; Apple Inc,AAPL,US0378331005,hwupkr0mpou8fgxbt394,en,,,Apple\r\n'
        "\r\n"
        'Beats,,,,,,"Apple, the maker",true\r\n'
        "Iran,伊朗,,,,,,,,theme\r\n",
    )
    expected = (
        APPLE,
        Company(name="Beats", parent="Apple, the maker", rollup=True),
        Company(name="Iran", kind="theme", aliases=("伊朗",)),
    )
    assert load_watchlist(in_yaml).companies == expected
    assert load_watchlist(in_csv).companies == expected


def test_a_bar_parts_lists_too(tmp_path: Path) -> None:
    path = write(tmp_path, "w.csv", "name,aliases\nA,b|c d | e\n")
    assert load_watchlist(path).companies[0].aliases == ("b", "c d", "e")


def test_everything_wrong_in_a_csv_is_named_with_line_and_field(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "w.csv",
        'name,aliases,isin,lei,rollup\n"two\nlines",,,,\nA,,US0378331006,X,\n,b,,,\nB,,,,perhaps\n',
    )
    found = problems(path)
    assert [item.partition(" ")[0] for item in found] == ["4:1:", "4:1:", "5:1:", "6:1:"]
    assert "isin: 'US0378331006' is no ISIN: its check digit does not fit" in found[0]
    assert "lei: 'X' is no LEI: 18 letters or digits" in found[1]
    assert "name: " in found[2] and "rollup: " in found[3]


def test_a_theme_that_contradicts_a_company_is_named_where_it_stands(tmp_path: Path) -> None:
    yaml = write(tmp_path, "w.yaml", "companies:\n  - name: A\nthemes:\n  - name: B\n  - name: A\n")
    assert problems(yaml) == ["5:11: themes.1.name: theme 'A' stands twice"]


def test_companies_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    csv = write(tmp_path, "w.csv", "name,parent\nA,B\nB,A\n\nA,\nC,D\n")
    assert problems(csv) == [
        "2:1: parent: the parent 'B' of 'A' is owned by it",
        "3:1: parent: the parent 'A' of 'B' is owned by it",
        "5:1: name: company 'A' stands twice",
        "6:1: parent: the parent 'D' of 'C' is not in the list",
    ]
    yaml = write(tmp_path, "w.yaml", "companies:\n  - name: A\n  - name: C\n    parent: D\n")
    assert problems(yaml) == ["4:13: companies.1.parent: the parent 'D' of 'C' is not in the list"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "1:1: a header is wanted: name, and any of kind, aliases"),
        ("aliases\nA\n", "1:1: the column 'name' is missing"),
        ("name,alias\nA,B\n", "1:1: unknown column 'alias' (did you mean 'aliases'?)"),
        ("name,name\nA,B\n", "1:1: column 'name' stands twice"),
        ("name\nA,B\n", "2:1: 2 cells, the header has 1"),
        ('name\nA\n"B"x\n', "3:1: not CSV"),
        ("name\nA\nB\x00\n", "3:1: not CSV"),
    ],
)
def test_what_is_no_table_is_told_what_is_wanted(
    tmp_path: Path, content: str, problem: str
) -> None:
    (found,) = problems(write(tmp_path, "w.csv", content))
    assert found.startswith(problem)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.csv") == ["1:1: no such file"]
    path = tmp_path / "w.csv"
    path.write_bytes("name\nA\nCafé\n".encode("latin-1"))
    assert problems(path) == ["3:1: not UTF-8 at byte 10"]


def test_the_list_that_is_shipped() -> None:
    listed = load_watchlist(TEMPLATES / "watchlist.yaml")
    companies = listed.companies
    assert len(listed.names("company")) >= 282
    assert {"Iran", "Gold", "Strait of Hormuz"} <= set(listed.names("theme"))
    watchlist = Watchlist(companies)
    doubtful = "The price gap of apple juice; a target; orange shells; 平安夜吃苹果；日产10万桶"
    assert watchlist.find(doubtful) == ()
    for company in companies:
        certain = [name for name in company.spellings if name not in company.ambiguous]
        wanted = [*certain, *(f"{name} Corp" for name in company.ambiguous)]
        for spelling in wanted:
            assert company.name in watchlist.find(f"» {spelling} «"), spelling


def test_words_for_a_whole_trade_are_told_from_names() -> None:
    watchlist = Watchlist(load_watchlist(TEMPLATES / "watchlist.yaml").companies)
    named = {
        "Bank of America": ("美国银行业绩超预期", "美国银行业务收缩", "美国银行系统故障"),
        "American Airlines": ("美国航空业绩不及预期", "美国航空股价下跌", "美国航空公司取消航班"),
        "Japan Airlines": ("日本航空股东大会", "日本航空业务恢复"),
        "BP": ("英国石油业绩下滑", "英国石油公司减产"),
        "DiDi": ("滴滴出行被约谈", "滴滴上调指引"),
    }
    for company, texts in named.items():
        for text in texts:
            assert company in watchlist.find(text), text
    for text in (
        "眼下美国银行业与2008年相似",
        "美国银行体系存款外流",
        "美国航空股集体下跌",
        "美国航空航天局推迟发射",
        "日本航空自卫队战机坠海",
        "英国石油和天然气产量下降",
        "额度不够的滴滴我",
    ):
        assert not set(named) & set(watchlist.find(text)), text
