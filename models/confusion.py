"""How often a model's answers are right, counted on labelled texts that it did not learn from: a
share of its answers can then be corrected for its errors."""

import msgspec

TASKS = ("sentiment", "company")
Counts = dict[str, dict[str, int]]
"""Truth, then answer."""


class Confusion(msgspec.Struct, frozen=True):
    """Counts of texts by task (the sentiment of a text as a whole, or towards a company in it),
    language, truth and answer."""

    on: str
    """Which texts these are."""
    counts: dict[str, dict[str, Counts]]

    def negative_or_not(self, task: str, language: str) -> tuple[int, int, int, int]:
        """Texts that are negative, those of them that were called so, texts that are not, and those
        of them that were not."""
        table = self.counts[task][language]
        rest = [truth for truth in table if truth != "negative"]
        negative = sum(table.get("negative", {}).values())
        other = sum(sum(table[truth].values()) for truth in rest)
        called = sum(table[truth].get("negative", 0) for truth in rest)
        return negative, table.get("negative", {}).get("negative", 0), other, other - called
