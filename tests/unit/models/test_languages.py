"""Routing by script, mixed text too."""

import pytest

from models.languages import detect_language, route


@pytest.mark.parametrize(
    ("text", "stated", "language"),
    [
        ("Shares fall after results", "", "en"),
        ("银行下调业绩预期", "", "zh"),
        ("苹果iPhone销量下滑，Apple股价走低", "", "zh"),
        ("Alibaba (阿里巴巴) shares rise on strong cloud growth in Hong Kong", "", "en"),
        ("日銀は金利を引き上げると発表した", "", "ja"),
        ("한국은행이 기준금리를 동결했다", "", "ko"),
        ("Die Bank senkt ihre Prognose", "de", "de"),
        ("Shares fall after results", "zh", "en"),
        ("", "", "en"),
        ("", "zh", "zh"),
        ("$$$ 12.5%", "zh-CN", "zh"),
    ],
)
def test_language(text: str, stated: str, language: str) -> None:
    assert detect_language(text, stated) == language


def test_route() -> None:
    assert (route("zh"), route("ja"), route("de"), route("en")) == ("zh", "zh", "en", "en")
