"""How a challenger compares with the model in service on live texts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from alerts.intervals import wilson
from models.agreement import cohen_kappa, confidence_error
from models.labels import SENTIMENTS
from monitor.store import labels as label_store
from monitor.store.shadow import (
    ShadowCell,
    ShadowScore,
    labelled_shadow_scores,
    shadow_cells,
)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Both models on the texts that a person gave a sentiment; shares in [0, 1]."""

    texts: int
    live_accuracy: float
    accuracy: float
    live_calibration_error: float | None
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """One pair of models on one language; `agreement` has its 95% interval in `lower`, `upper`."""

    language: str
    live_model: str
    model: str
    texts: int
    agreed: int
    agreement: float
    lower: float
    upper: float
    kappa: float | None
    confusion: dict[str, dict[str, int]]
    """The live model's answer, then the challenger's."""
    live_confidence: float
    confidence: float
    corrected: Corrected | None

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def shadow_reports(engine: Engine) -> list[ShadowReport]:
    """A report a language and pair of models, from what the store keeps."""
    pairs: dict[tuple[str, str, str], list[ShadowCell]] = {}
    for cell in shadow_cells(engine):
        pairs.setdefault((cell.language, cell.live_model, cell.model), []).append(cell)
    labelled = labelled_shadow_scores(engine)
    truth = {
        label.article_id: label.sentiment
        for label in label_store.current(engine, sorted({score.article_id for score in labelled}))
        if not label.company and label.sentiment is not None
    }
    judged: dict[tuple[str, str, str], list[tuple[ShadowScore, str]]] = {}
    for score in labelled:
        if score.article_id in truth:
            key = score.language, score.live_model, score.model
            judged.setdefault(key, []).append((score, truth[score.article_id]))
    return [_report(key, cells, judged.get(key, [])) for key, cells in pairs.items()]


def _report(
    key: tuple[str, str, str],
    cells: Sequence[ShadowCell],
    judged: Sequence[tuple[ShadowScore, str]],
) -> ShadowReport:
    counts = {(cell.live_label, cell.label): cell.texts for cell in cells}
    texts = sum(counts.values())
    agreed = sum(count for (live, label), count in counts.items() if live == label)
    lower, upper = wilson(agreed, texts)
    language, live_model, model = key
    return ShadowReport(
        language=language,
        live_model=live_model,
        model=model,
        texts=texts,
        agreed=agreed,
        agreement=agreed / texts,
        lower=lower,
        upper=upper,
        kappa=cohen_kappa(counts),
        confusion={
            live: {label: counts.get((live, label), 0) for label in SENTIMENTS}
            for live in SENTIMENTS
        },
        live_confidence=sum(cell.live_confidence for cell in cells) / texts,
        confidence=sum(cell.confidence for cell in cells) / texts,
        corrected=_corrected(judged) if judged else None,
    )


def _corrected(judged: Sequence[tuple[ShadowScore, str]]) -> Corrected:
    live_right = [score.live_label == truth for score, truth in judged]
    right = [score.label == truth for score, truth in judged]
    return Corrected(
        texts=len(judged),
        live_accuracy=sum(live_right) / len(judged),
        accuracy=sum(right) / len(judged),
        live_calibration_error=confidence_error(
            [max(score.live) for score, _ in judged], live_right
        ),
        calibration_error=confidence_error(
            [max(score.probabilities) for score, _ in judged], right
        ),
    )
