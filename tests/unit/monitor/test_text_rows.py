"""Rows of texts: what they may hold, and how they are shared out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.failures import Invalid
from monitor.text_rows import (
    MAX_QUESTIONS,
    MAX_ROW_BYTES,
    NumberedRow,
    TextRow,
    json_row,
    parts,
    text_row,
)


def test_a_row_holds_a_text_and_may_ask_for_more() -> None:
    row = json_row('{"text": "涨", "companies": ["甲", "B"], "language": "zh", "id": 7}'.encode())
    assert row == TextRow("涨", ("甲", "B"), "zh")
    plain = json_row(b'{"text": "", "companies": null}\r')
    assert isinstance(plain, TextRow) and plain.asked == ()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "empty line"),
        (b"Shares fall", "JSON"),
        (b"[]", "Expected `object`"),
        (b'{"companies": []}', "`text`"),
        (b'{"text": 1}', "$.text"),
        (b'{"text": "a", "companies": "B"}', "$.companies"),
        (b'{"text": "a", "companies": ["B", " "]}', "$.companies[1]"),
        (b'{"text": "a", "companies": [' + b",".join([b'"B"'] * 101) + b"]}", "<= 100"),
        (b'{"text": "\xff"}', "utf-8"),
        (b'{"text": "\\ud800, half a pair"}', "surrogate"),
        (b'{"text": "' + b"a" * MAX_ROW_BYTES + b'"}', f"longer than {MAX_ROW_BYTES}"),
    ],
)
def test_what_is_no_row_is_told_why(line: bytes, reason: str) -> None:
    found = json_row(line)
    assert isinstance(found, Invalid) and reason in found.reason


def test_a_plain_line_is_a_text_whatever_it_holds() -> None:
    assert text_row(b'{"text": 1}\r').text == '{"text": 1}'
    assert text_row(b"\xff").text == "\ufffd"


@given(st.lists(st.none() | st.integers(0, 100), max_size=40))
def test_parts_hold_all_rows_in_order_and_no_more_than_can_be_asked(
    asked: list[int | None],
) -> None:
    rows = [
        NumberedRow(line, Invalid("bad") if count is None else TextRow("a", ("c",) * count))
        for line, count in enumerate(asked, 1)
    ]
    found = list(parts(rows))
    assert [row for part in found for row in part] == rows
    for part in found:
        questions = sum(1 + len(r.row.asked) for r in part if isinstance(r.row, TextRow))
        assert part and questions <= MAX_QUESTIONS
