"""From articles to scored events: what text is scored, and what is taken from the scores."""

from collections.abc import Callable, Sequence
from datetime import datetime

from models.registry import Registry
from models.scorer import Prepared, Scorer, Scores
from models.serving import ModelService, Refusal, ServiceOptions
from models.watchlist import Watchlist
from monitor.events import ArticleEvent, ScoredEvent
from monitor.settings import Settings

MAX_WATCHED_CHARACTERS = 4_000


def scored_text(title: str, text: str) -> str:
    """Title and text, the title not twice: many wires begin the text with it."""
    title, text = title.strip(), text.strip()
    if not text or text == title:
        return title
    if title and title in text[: 2 * len(title) + 40]:
        return text
    return f"{title}\n{text}"


def prepare(scorer: Scorer, articles: Sequence[ArticleEvent]) -> Prepared:
    """Tokenise articles ahead of scoring."""
    return scorer.prepare(
        [scored_text(article.title, article.text) for article in articles],
        [article.language for article in articles],
    )


def finish(
    articles: Sequence[ArticleEvent], scores: Scores, watchlist: Watchlist, now: datetime
) -> list[ScoredEvent]:
    """The scored events, in the order of the articles."""
    return [
        ScoredEvent(
            article=article,
            negative=round(float(scores.sentiment[index, 0]), 4),
            neutral=round(float(scores.sentiment[index, 1]), 4),
            positive=round(float(scores.sentiment[index, 2]), 4),
            topics=scores.topics_of(index),
            entities=watchlist.find(f"{article.title}\n{article.text}"[:MAX_WATCHED_CHARACTERS]),
            language=scores.languages[index],
            model=scores.models[index],
            scored=now,
        )
        for index, article in enumerate(articles)
    ]


def model_service(
    settings: Settings, on_refusal: Callable[[Refusal], None] = lambda refusal: None
) -> ModelService:
    """The models that the settings name, not yet opened."""
    chosen = settings.models
    if chosen.threads is not None:
        import torch

        torch.set_num_threads(chosen.threads)
    return ModelService(
        Registry(settings.model_registry),
        {"en": chosen.english, "zh": chosen.chinese},
        ServiceOptions(chosen.device, chosen.max_tokens, chosen.batch_tokens),
        on_refusal,
    )


def load_scorer(settings: Settings) -> Scorer:
    """The scorer that the settings name. Raises ModelError."""
    return model_service(settings).start()
