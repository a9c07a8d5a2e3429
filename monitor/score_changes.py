"""What changes where articles are scored by another model: how many, from what to what."""

from collections.abc import Iterable
from typing import Any

import msgspec

from monitor.store.counted import company_sentiments
from monitor.store.rescores import Exchange
from monitor.stories import label_of


class TopicChange(msgspec.Struct):
    """Articles that got a topic, and that lost it."""

    gained: int = 0
    lost: int = 0


class ScoreChanges(msgspec.Struct):
    """Sums over articles; can be added to, and kept as JSON."""

    articles: int = 0
    labels: dict[str, dict[str, int]] = {}
    """From what to what, of all articles: those whose label stays are on the diagonal."""
    topics: dict[str, TopicChange] = {}
    companies_changed: int = 0
    """Companies in articles that read otherwise now, or are named or no longer named."""

    @property
    def labels_changed(self) -> int:
        return sum(
            count
            for before, after in self.labels.items()
            for label, count in after.items()
            if label != before
        )

    def add(self, exchanges: Iterable[Exchange]) -> None:
        """Take articles in."""
        for item in exchanges:
            self.articles += 1
            after = self.labels.setdefault(item.label, {})
            label = item.new["label"]
            after[label] = after.get(label, 0) + 1
            old = msgspec.json.decode(item.topics, type=dict[str, float]).keys()
            new = msgspec.json.decode(item.new["topics"], type=dict[str, float]).keys()
            for topic in new - old:
                self.topics.setdefault(topic, TopicChange()).gained += 1
            for topic in old - new:
                self.topics.setdefault(topic, TopicChange()).lost += 1
            said = _readings(item.label, item.entities, item.companies)
            says = _readings(label, item.new["entities"], item.new["companies"])
            self.companies_changed += sum(
                said.get(name) != says.get(name) for name in said.keys() | says.keys()
            )

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {"articles": self.articles, "labels_changed": self.labels_changed} | plain


def _readings(label: str, entities: str, companies: str | None) -> dict[str, str]:
    """How an article reads for each company that it names."""
    own = {name: label_of(said) for name, said in company_sentiments(companies).items()}
    names = msgspec.json.decode(entities, type=list[str])
    return {name: own.get(name, label) for name in names}
