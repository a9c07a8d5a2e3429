"""Files of incidents: three ways to write the same, and everything wrong told with its place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.incidents import Incident
from monitor.incident_file import read_incidents
from monitor.yamlfile import YamlFileError

COMPANIES = ["Boeing", "Deutsche Bank"]
EXPECTED = [
    Incident(
        "Crash, fleet grounded",
        datetime(2019, 3, 10, tzinfo=UTC),
        (("entity", "Boeing"), ("topic", "incidents")),
        dated_by_day=True,
    ),
    Incident(
        "Rout",
        datetime(2019, 5, 1, 0, 30, tzinfo=UTC),
        (("all", "all"), ("topic", "markets"), ("entity", "Deutsche Bank")),
        datetime(2019, 5, 3, tzinfo=UTC),
    ),
]
FILES = {
    "i.csv": "\ufeffName,first_story,end,company,topic,key\r\n"
    '"Crash, fleet grounded",2019-03-10,,Boeing,incidents,\r\n'
    "Rout,2019-05-01T08:30+08:00,2019-05-02,,,all; topic markets | entity Deutsche Bank\r\n",
    "i.jsonl": '{"name": "Crash, fleet grounded", "first_story": "2019-03-10",'
    ' "company": "Boeing", "topic": ["incidents"]}\n\n'
    '{"name": "Rout", "first_story": "2019-05-01T00:30Z", "end": "2019-05-03T00:00Z",'
    ' "key": ["all", "topic markets", "company Deutsche Bank"]}\n',
    "i.yaml": "incidents:\n"
    "  - {name: 'Crash, fleet grounded', first_story: 2019-03-10, company: Boeing,"
    " topic: incidents}\n"
    "  - name: Rout\n    first_story: 2019-05-01 08:30:00 +08:00\n    end: 2019-05-02\n"
    "    key: [all, topic markets, company Deutsche Bank]\n",
}


def problems(path: Path) -> list[str]:
    with pytest.raises(YamlFileError) as caught:
        read_incidents(path, COMPANIES)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.mark.parametrize("name", FILES)
def test_three_ways_to_write_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(FILES[name], encoding="utf-8")
    assert read_incidents(path, COMPANIES) == EXPECTED


def test_everything_wrong_is_named_with_line_and_field(tmp_path: Path) -> None:
    path = tmp_path / "i.csv"
    path.write_text(
        "name,first_story,end,company,topic,key\n"
        "A,yesterday,,Boeing,,\n"
        "B,2019-03-10,2019-03-09,Boing,market,\n"
        ",2019-03-10,,,,everything\n"
        "D,2019-03-10,,,,\n",
        encoding="utf-8",
    )
    found = problems(path)
    assert found[0] == (
        "2:1: first_story: 'yesterday' is no time; write 2026-03-01T08:30Z, "
        "or 2026-03-01 where the hour is unknown"
    )
    assert found[1:] == [
        "3:1: company: 'Boing' is no company of the watchlist (did you mean 'Boeing'?)",
        "3:1: topic: 'market' is no topic (did you mean 'markets'?)",
        "3:1: end: it is not after first_story",
        "4:1: name: is missing",
        "5:1: it names nothing to find it by: company, theme, topic, source, language or key",
    ]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("i.csv", "name,first_stroy\n", "1:1: unknown column 'first_stroy' (did you mean"),
        ("i.csv", "name,company\n", "1:1: the column 'first_story' is missing"),
        ("i.csv", "name,first_story\n", "1:1: no incidents"),
        ("i.jsonl", '{"name": "A"}\n', "1:1: first_story: is missing"),
        ("i.jsonl", "\n{name}\n", "2:1: not JSON"),
        ("i.jsonl", "[]\n", "1:1: an object a line is wanted"),
        ("i.jsonl", '{"name": "A", "first_story": "0001-01-01", "key": "all"}', "1:1: first_story"),
        ("i.yaml", "events: []\n", "1:1: unknown key 'events' (known here: incidents)"),
        ("i.yaml", "incidents: 3\n", "1:1: a list 'incidents' is wanted"),
        (
            "i.yaml",
            "incidents:\n  - name: A\n    first_story: 2019-03-10\n    compny: Boeing\n",
            "4:13: compny: no such field (did you mean 'company'?)",
        ),
        (
            "i.yaml",
            "incidents:\n  - name: A\n    first_story: 2019-03-10\n    key: politics\n",
            "4:10: key: 'politics' is no key; write all, topic markets or company Boeing",
        ),
    ],
)
def test_what_is_no_list_of_incidents(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert problems(path)[0].startswith(problem)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for name in ("none.csv", "none.jsonl", "none.yaml"):
        assert problems(tmp_path / name) == ["1:1: no such file"]
