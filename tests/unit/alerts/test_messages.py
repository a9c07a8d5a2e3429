"""Messages: what a reader at 3 a.m. is told, and that text from outside stays in its place."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.follow_up import FollowUp
from alerts.messages import (
    MAX_STORIES,
    Message,
    duration,
    facts,
    headline,
    markup,
    one_line,
    safe_link,
    slack_payload,
    text,
)
from tests.unit.alerts.records import alert, message, story

HOSTILE = (
    "<!channel> <script>alert(1)</script> & \"quotes\" 'x' | \x1b[2J \r\nBcc: a@b.example \u202e"
)


def follow_up(**fields: Any) -> FollowUp:
    plain: dict[str, Any] = {
        "changed": {"corrected": 3, "retracted": 1},
        "value": 0.2,
        "lower": 0.08,
        "upper": 0.42,
        "stories": 19,
        "negative": 4,
        "would_be_over": True,
    }
    return FollowUp(**(plain | fields))


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def page(shown: Message) -> _Page:
    parser = _Page()
    parser.feed(markup(shown))
    return parser


def test_a_group_is_told_as_one_event() -> None:
    first = alert(top=(story("Bank fails"), story("Sued", probability=0.5)))
    joined = alert(
        id="f" * 16,
        rule="turn",
        detector="cusum",
        started=first.started - timedelta(minutes=10),
        resolved=first.started + timedelta(hours=2),
        top=(story("Fined", probability=0.9), story("Bank fails")),
    )
    told = Message("firing", first, "", group=(joined, first))
    rows = dict(facts(told))
    assert rows["Rules"] == "burst (surge), turn (cusum)"
    assert rows["Since"] == "2026-01-01 02:50 UTC"
    assert "Until" not in rows
    for shown in (text(told), page(told).words, json.dumps(slack_payload(told))):
        assert shown.count("Bank fails") == 1
        assert shown.index("Bank fails") < shown.index("Fined") < shown.index("Sued")
    ended = msgspec.structs.replace(first, resolved=first.started + timedelta(hours=1))
    over = dict(facts(Message("resolved", ended, "", group=(joined, ended))))
    assert over["Until"] == "2026-01-01 05:00 UTC"
    assert "Rule" in dict(facts(message()))


def test_the_text_says_what_where_how_bad_against_what_since_when_and_why() -> None:
    shown = text(message())
    for wanted in (
        "Critical: 85% of stories on company Acme Bank are negative (17 of 20)",
        "Since: 2026-01-01 03:00 UTC",
        "85.0% (95% interval 64.0% to 95.0%) over 1 d",
        "usually 20.0%, 0.4 negative stories",
        "burst (surge)",
        "Bank fails (Sample Wire (sample), 2026-01-01 03:00 UTC, 97% negative)",
        "https://news.example/1",
        "https://console.example/alerts/1",
    ):
        assert wanted in shown


def test_a_threshold_is_told_as_a_limit_and_all_news_without_a_key() -> None:
    shown = message(detector="threshold", baseline=0.5, dimension="all", key="all")
    assert headline(shown) == "Critical: 85% of all stories are negative (17 of 20)"
    assert "limit 50%" in text(shown)


def test_the_end_of_an_alert_says_so_and_until_when() -> None:
    ended = alert(state="resolved", resolved=datetime(2026, 1, 2, 4, 5, tzinfo=UTC))
    shown = text(Message("resolved", ended))
    assert shown.startswith("Resolved: negative news on company Acme Bank is back to usual")
    assert "Until: 2026-01-02 04:05 UTC" in shown


def test_hostile_text_cannot_leave_its_line_in_plain_text() -> None:
    shown = text(message(key=HOSTILE, top=(story(HOSTILE, source=HOSTILE),)))
    assert "\x1b" not in shown
    assert "\r" not in shown
    assert "\u202e" not in shown
    assert not any(line.startswith("Bcc") for line in shown.splitlines())


def test_hostile_text_is_only_text_in_html() -> None:
    shown = page(message(key=HOSTILE, top=(story(HOSTILE, source=HOSTILE),)))
    assert "script" not in shown.tags
    assert "<script>alert(1)</script>" in shown.words


def test_only_web_addresses_become_links() -> None:
    bad = ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://a b", "")
    shown = message(top=tuple(story(url=url) for url in bad))
    assert page(shown).links == ["https://console.example/alerts/1"]
    assert "javascript" not in text(shown) + json.dumps(slack_payload(shown))
    assert page(message()).links[0] == "https://news.example/1"


@pytest.mark.parametrize(
    "url",
    ["HTTPS", "https://a\x1b[2J", "https://a\nb", "https://a\u00a0b", "https://" + "a" * 3_000],
)
def test_an_address_that_could_steer_is_no_link(url: str) -> None:
    assert not safe_link(url)


def test_slack_escapes_and_keeps_links_whole() -> None:
    link = "https://news.example/?a=1&b=<x>|y"
    payload = slack_payload(message(top=(story(HOSTILE, url=link),)))
    section = payload["blocks"][2]["text"]["text"]
    assert section.startswith("<https://news.example/?a=1&amp;b=%3Cx%3E%7Cy|&lt;!channel&gt;")
    assert "<!channel>" not in json.dumps(payload["blocks"][1:])
    assert "<!channel>" not in payload["text"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(max_size=4_000) | st.sampled_from(["&" * 5_000, "<" * 5_000, HOSTILE * 100]),
            st.text(max_size=500),
            st.sampled_from(["https://a.example/" + "&" * 900, "https://a.example", "", "x:" * 9]),
        ),
        max_size=70,
    ),
    st.text(max_size=300) | st.just("&" * 3_000),
)
def test_slack_payloads_keep_within_slacks_limits(
    rows: list[tuple[str, str, str]], key: str
) -> None:
    stories = tuple(story(title, source=source, url=url) for title, source, url in rows)
    payload = slack_payload(message(key=key, top=stories))
    blocks = payload["blocks"]
    assert len(blocks) <= 50
    assert len(blocks[0]["text"]["text"]) <= 150
    assert len(blocks[1]["fields"]) <= 10
    assert all(0 < len(field["text"]) <= 2_000 for field in blocks[1]["fields"])
    for block in blocks[2:]:
        said = (block.get("text") or block["elements"][0])["text"]
        assert 0 < len(said) <= 3_000
        assert said.count("<") == said.count(">") <= 1, "one link, whole, and nothing else raw"
    assert json.dumps(payload).encode("utf-8")
    assert text(message(key=key, top=stories)).encode("utf-8")
    assert len(page(message(key=key, top=stories)).links) <= MAX_STORIES + 1


@given(st.text())
def test_one_line_is_one_printable_line(value: str) -> None:
    line = one_line(value)
    assert line == one_line(line)
    assert len(line.splitlines()) <= 1
    assert line.encode("utf-8").decode("utf-8") == line


def test_an_empty_title_is_named() -> None:
    assert "(no title)" in text(message(top=(story("\r\n"),)))


@pytest.mark.parametrize(
    ("seconds", "words"), [(604_800, "7 d"), (21_600, "6 h"), (5_400, "90 m"), (61, "61 s")]
)
def test_durations(seconds: int, words: str) -> None:
    assert duration(seconds) == words


def test_a_critical_story_is_told_as_one() -> None:
    told = message(detector="critical", stories=1, negative=1, value=1.0, baseline=0.9)
    assert headline(told) == "Critical: a story on company Acme Bank reads as surely negative"
    rows = dict(facts(told))
    assert rows["Against"] == "90% sure or more that it is negative"
    assert "Negative share" not in rows


def test_a_follow_up_says_what_changed_and_what_that_comes_to() -> None:
    shown = Message("follow-up", alert(), "", follow_up())
    assert headline(shown) == (
        "Follow-up: company Acme Bank: 3 stories were corrected, 1 story was retracted; "
        "20% of its stories are negative (was 85%); it would not have fired"
    )
    plain = text(shown)
    for wanted in (
        "Negative share now: 20.0% (95% interval 8.0% to 42.0%), 4 of 19 stories",
        "When it fired: 85.0% (95% interval 64.0% to 95.0%), 17 of 20 stories",
        "it would not have fired, and would be over by now",
        "Most negative headlines, as they were then:",
    ):
        assert wanted in plain
    assert "#9a6700" in markup(shown)
    assert slack_payload(shown)["text"] == headline(shown).replace("&", "&amp;")
    grave = alert(detector="critical", stories=2, negative=2)
    left = follow_up(changed={"retracted": 1}, stories=1, negative=1, would_be_over=False)
    told = headline(Message("follow-up", grave, "", left))
    assert "of 2 surely negative stories 1 are left" in told
