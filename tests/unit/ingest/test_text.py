from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.text import first_words, language_code, plain_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("P/E < 5 & rising", "P/E < 5 & rising"),
        ("<NVDA> up, 5<10", "<NVDA> up, 5<10"),
        ("EPS<consensus", "EPS<consensus"),
        ("<关于市场的通知>", "<关于市场的通知>"),
        ("<b>5 < 6</b>", "5 < 6"),
        ("Un<b>der</b>tone<p>a</p>b<br/>c", "Undertone a b c"),
        ("中国<b>银行</b><p>跌</p>", "中国银行 跌"),
        ("a<script>if (x<y) run()</script>b<style>p{}</style>c", "a b c"),
        ("AT&amp;T &amp;lt;b&amp;gt; &#163;5", "AT&T &lt;b&gt; £5"),
        ("a &lt;b&gt; c<p>", "a <b> c"),
        ("<![CDATA[<p>twice</p>]]>", "twice"),
        ('Read <a href="http://x', "Read"),
        ('<img alt="P/E < 5" src="x">ok', "ok"),
        ("<o:p>x</o:p><x-card>y</x-card>", "x y"),
        ("<!-- note -->x", "x"),
        ('a<iframe src="x"/>b<script/>c<title/>d', "a b c d"),
        ("a<textarea>b", "a b"),
        ("a<iframe>b</iframe>c<video>d</video>", "a c"),
        ("a<script>b", "a"),
        ("a\u0000b\u200bc\u00a0\n\td\ud800", "abc d"),
        ("", ""),
    ],
)
def test_markup_becomes_what_a_reader_sees(markup: str, text: str) -> None:
    assert plain_text(markup) == text


def test_plain_values_are_taken_literally() -> None:
    assert plain_text("5 &amp; <b>6</b>", markup=False) == "5 &amp; <b>6</b>"


def test_long_texts_are_cut_at_a_word() -> None:
    assert plain_text("word " * 100, max_chars=20) == "word word word word…"
    assert len(plain_text("长" * 100, max_chars=20)) == 20


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    ["<div>", "<a '", "<p>hello ", "<a x=", "<![CDATA[", "<!--", "<svg><p>", "<table>", "&",
     "<font color=1><p></p>", "</p>", "<script>", "<h1><ul>", "'\"<"],
)  # fmt: skip
def test_hostile_markup_takes_linear_time(unit: str) -> None:
    # Quadratic handling of any of these would run for minutes.
    assert len(plain_text(unit * (2_000_000 // len(unit)))) <= 50_000
    assert len(plain_text("<a " + unit * 400_000 + ">")) <= 50_000


@given(st.text(max_size=200))
def test_output_is_one_clean_line(value: str) -> None:
    text = plain_text(value)
    assert text == text.strip()
    assert not any(c in text for c in "\n\r\t\0\u200b\ufeff")
    assert "  " not in text
    text.encode("utf-8")


@given(st.text(alphabet="ab <>&;/!", max_size=60))
def test_text_without_known_tags_keeps_its_words(value: str) -> None:
    # No tag is possible in this alphabet but <a>, <b> and comments.
    if not any(tag in value for tag in ("<a", "<b", "</a", "</b", "<!", "&")):
        assert plain_text(value) == " ".join(value.split())


def test_first_words_end_at_a_sentence_or_a_word() -> None:
    assert first_words("Short.") == "Short."
    assert first_words("The bank fails to open. " + "x " * 90) == "The bank fails to open."
    assert first_words("银行今日宣布暂停一切业务直到另行通知。" + "字" * 90).endswith("通知。")
    assert first_words("word " * 60).endswith("word…")


@pytest.mark.parametrize(
    ("tag", "code"),
    [("zh-CN", "zh"), ("en_US", "en"), ("EN", "en"), ("chi", "zh"), ("", ""), ("x-klingon", "")],
)
def test_language_tags(tag: str, code: str) -> None:
    assert language_code(tag) == code
