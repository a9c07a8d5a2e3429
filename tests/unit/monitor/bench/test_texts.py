"""The texts that are measured with."""

from pathlib import Path

import pytest

from monitor.bench.texts import mixed, numbered, read_texts, window, written_texts
from monitor.failures import DataError, UsageError


def test_written_texts_are_of_the_language_and_the_same_each_time() -> None:
    chinese = written_texts("zh", 50)
    assert len(set(chinese)) == 50 and chinese == written_texts("zh", 50)
    assert all(not text.isascii() for text in chinese)
    assert len(written_texts("en")) > 3_000


def test_a_file_holds_lines_or_objects(tmp_path: Path) -> None:
    path = tmp_path / "texts"
    path.write_text('plain\n\n{"title": "a", "text": "b"}\n{"text": "涨"}\nbeyond\n', "utf-8")
    assert sorted(read_texts(path, 3)) == ["a\nb", "plain", "涨"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no text"),
        ("one\n{not json", "line 2"),
        ('{"url": "x"}', "line 1: has neither 'text' nor 'title'"),
        ("a" * 200_001, "line 1: longer than 200000 bytes"),
    ],
)
def test_what_is_no_text_is_told_by_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "texts"
    path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        read_texts(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing: No such file"):
        read_texts(tmp_path / "nothing")


def test_windows_go_around_and_texts_come_once() -> None:
    texts = ["a", "b", "c"]
    assert [window(texts, 2, turn) for turn in range(3)] == [["a", "b"], ["c", "a"], ["b", "c"]]
    assert numbered(texts, 4) == ["4 a", "4 b", "4 c"]
    assert sorted(mixed(texts)) == texts
