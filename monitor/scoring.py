"""From articles to scored events: what the models are asked, and what is taken from the scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from alerts.correction import ErrorCounts, Kind
from models.backends.options import BackendOptions
from models.confusion import Confusion
from models.registry import Registry
from models.scorer import Prepared, Scorer
from models.scores import Scores
from models.serving import ModelService, Refusal, ServiceOptions
from models.watchlist import Watchlist
from monitor.events import ArticleEvent, Probabilities, ScoredEvent
from monitor.metrics import COMPANIES_ASKED, TEXTS_CUT
from monitor.settings import Settings

MAX_WATCHED_CHARACTERS = 4_000
MAX_COMPANIES_ASKED = 8
"""Of one article, those that it names first; a list of every share that fell names hundreds."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the models are asked of articles: of each as a whole, then of companies in them."""

    articles: Sequence[ArticleEvent]
    entities: Sequence[tuple[str, ...]]
    """The watched companies that each article names."""
    themes: Sequence[tuple[str, ...]]
    """The watched themes that it names: the models are not asked about those."""
    companies: Sequence[tuple[int, str]]
    """The index of the article, and the company that it is asked about."""
    prepared: Prepared


def scored_text(title: str, text: str) -> str:
    """Title and text, the title not twice: many wires begin the text with it."""
    title, text = title.strip(), text.strip()
    if not text or text == title:
        return title
    if title and title in text[: 2 * len(title) + 40]:
        return text
    return f"{title}\n{text}"


def prepare(scorer: Scorer, articles: Sequence[ArticleEvent], watchlist: Watchlist) -> Asked:
    """Find the companies and tokenise all questions, ahead of scoring."""
    texts = [scored_text(article.title, article.text) for article in articles]
    named = [watchlist.find_spans(text[:MAX_WATCHED_CHARACTERS]) for text in texts]
    found = [
        {name: spans for name, spans in names.items() if name not in watchlist.themes}
        for names in named
    ]
    asked = [
        (index, name, spans)
        for index, companies in enumerate(found)
        for name, spans in islice(companies.items(), MAX_COMPANIES_ASKED)
    ]
    over_limit = sum(len(companies) for companies in found) - len(asked)
    COMPANIES_ASKED.labels("asked").inc(len(asked))
    COMPANIES_ASKED.labels("over_limit").inc(over_limit)
    of = [*range(len(articles)), *(index for index, _, _ in asked)]
    before = scorer.cut_texts
    prepared = scorer.prepare(
        [texts[index] for index in of],
        [articles[index].language for index in of],
        [*(None for _ in articles), *(spans for _, _, spans in asked)],
    )
    TEXTS_CUT.inc(scorer.cut_texts - before)
    return Asked(
        articles,
        [tuple(sorted(companies)) for companies in found],
        [tuple(sorted(watchlist.themes & names.keys())) for names in named],
        [(index, name) for index, name, _ in asked],
        prepared,
    )


def finish(asked: Asked, scores: Scores, now: datetime) -> list[ScoredEvent]:
    """The scored events, in the order of the articles."""
    companies: list[dict[str, Probabilities]] = [{} for _ in asked.articles]
    for row, (index, name) in enumerate(asked.companies, start=len(asked.articles)):
        companies[index][name] = _probabilities(scores, row)
    events = []
    for index, article in enumerate(asked.articles):
        negative, neutral, positive = _probabilities(scores, index)
        events.append(
            ScoredEvent(
                article=article,
                negative=negative,
                neutral=neutral,
                positive=positive,
                topics=scores.topics_of(index),
                entities=asked.entities[index],
                companies=companies[index],
                themes=asked.themes[index],
                language=scores.languages[index],
                model=scores.models[index],
                scored=now,
            )
        )
    return events


def _probabilities(scores: Scores, row: int) -> Probabilities:
    negative, neutral, positive = (round(float(value), 4) for value in scores.sentiment[row])
    return negative, neutral, positive


def error_counts(confusions: Mapping[str, Confusion]) -> dict[Kind, ErrorCounts]:
    """What shares are corrected by, from the confusion of models by identifier."""
    return {
        (model, task, language): ErrorCounts(*confusion.negative_or_not(task, language))
        for model, confusion in confusions.items()
        for task, by_language in confusion.counts.items()
        for language in by_language
    }


def model_service(
    settings: Settings, on_refusal: Callable[[Refusal], None] = lambda refusal: None
) -> ModelService:
    """The models that the settings name, not yet opened."""
    chosen = settings.models
    return ModelService(
        Registry(settings.model_registry),
        {"en": chosen.english, "zh": chosen.chinese},
        service_options(settings),
        on_refusal,
    )


def service_options(settings: Settings) -> ServiceOptions:
    """How the settings want models opened."""
    chosen = settings.models
    return ServiceOptions(
        BackendOptions(
            device=chosen.device,
            backend=chosen.backend,
            threads=chosen.threads,
            batch_tokens=chosen.batch_tokens,
            cache=settings.backend_cache.resolve(),
        ),
        chosen.max_tokens,
        chosen.tier,
    )


def load_scorer(settings: Settings) -> Scorer:
    """The scorer that the settings name. Raises ModelError."""
    return model_service(settings).start()
