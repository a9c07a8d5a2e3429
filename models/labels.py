"""The labels that every model answers with; `models/data/GUIDELINES.md` defines them."""

from typing import Literal

Sentiment = Literal["negative", "neutral", "positive"]

SENTIMENTS: tuple[Sentiment, ...] = ("negative", "neutral", "positive")

TOPICS: tuple[str, ...] = (
    "earnings",
    "shares",
    "markets",
    "economy",
    "central_banks",
    "credit",
    "banks",
    "capital",
    "deals",
    "commodities",
    "currencies",
    "property",
    "legal",
    "politics",
    "people",
    "business",
    "incidents",
)

TFNS_TOPICS: tuple[str | None, ...] = (
    "shares",  # Analyst Update
    "central_banks",  # Fed and Central Banks
    "business",  # Company and Product News
    "credit",  # Treasuries and Corporate Debt
    "capital",  # Dividend
    "earnings",  # Earnings
    "commodities",  # Energy and Oil
    "banks",  # Financials
    "currencies",  # Currencies
    None,  # General News and Opinion
    "commodities",  # Gold, Metals, Materials
    "capital",  # IPO
    "legal",  # Legal and Regulation
    "deals",  # M&A and Investments
    "economy",  # Macro
    "markets",  # Markets
    "politics",  # Politics
    "people",  # Personnel Change
    "shares",  # Stock Commentary
    "shares",  # Stock Movement
)
"""Our topic of each class of the set tfns-topic, by its number."""

FINNL_TOPICS: dict[str, str] = {
    "经济": "economy",
    "大盘": "markets",
    "政治": "politics",
    "能源": "commodities",
    "债券": "credit",
    "房地产": "property",
    "虚拟货币": "currencies",
    "外汇": "currencies",
    "新冠": "incidents",
}
"""Our topic of those FinNL classes that mean the same; the others (country, company, industry,
policy, futures) say something that our topics do not."""

LABEL_SYNONYMS: dict[str, Sentiment] = {
    "negative": "negative",
    "neg": "negative",
    "bearish": "negative",
    "消极": "negative",
    "neutral": "neutral",
    "neu": "neutral",
    "中性": "neutral",
    "positive": "positive",
    "pos": "positive",
    "bullish": "positive",
    "积极": "positive",
}
"""Names that other people's classifiers and data give to our sentiments, in lower case."""
