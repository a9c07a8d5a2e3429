"""One promotion from the name of a model to the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from models.backends.options import BackendOptions
from models.journal import LANGUAGES, Language
from models.manifest import ModelError, parse_manifest
from models.promotion import Comparison, compare, reasons_against
from models.registry import Registry
from models.serving import ModelService, ServiceOptions, open_version
from models.training.labelled_files import read_labelled
from monitor.settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    version: str
    language: Language
    in_service: str
    """What served when it was asked."""
    comparisons: tuple[Comparison, ...]
    reasons: tuple[str, ...]
    """Against it; none where the sets have nothing against it."""
    forced: str | None
    promoted: bool

    @property
    def verdict(self) -> str:
        """In a sentence."""
        if not self.promoted:
            return f"refused: {self.in_service} stays in service for {self.language}"
        told = f"promoted: {self.version} is in service for {self.language}"
        return told if self.forced is None else f"{told}, forced: {self.forced}"

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "version": self.version,
            "language": self.language,
            "verdict": "promoted" if self.promoted else "refused",
            "reasons": list(self.reasons),
            "in_service_before": self.in_service,
            "forced": self.forced,
            "figures": [item.as_json() for item in self.comparisons],
        }


def promote(
    registry: Registry,
    settings: ModelSettings,
    name: str,
    language: Language | None,
    sets: Sequence[Path],
    max_calibration_error: float,
    forced: str | None,
    *,
    by: str,
    now: datetime,
) -> Outcome:
    """Register a model, compare it, and put it into service unless there is a reason against it.

    `forced` overrules the verdict, never the checks of a directory. Raises ModelError and
    LabelledDataError.
    """
    version, directory = registry.find(name)
    languages = parse_manifest(directory).languages
    chosen = language or _only_language(name, languages)
    examples = {str(path): read_labelled(path) for path in sets}
    version = version or registry.register(directory)
    options = ServiceOptions(
        BackendOptions(device=settings.device, batch_tokens=settings.batch_tokens),
        settings.max_tokens,
        settings.tier,
    )
    candidate = open_version(registry, version, options)
    expected = registry.in_service(chosen)
    comparisons: list[Comparison] = []
    reasons = [] if chosen in languages else [f"{version} was not made for {chosen}"]
    serving = expected
    if examples:
        # What serves may be an older one, where the last that was promoted is refused now.
        service = ModelService(registry, {chosen: f"registry:{chosen}"}, options)
        in_service = service.open(chosen)
        serving = service.serving[chosen]
        comparisons = compare(examples, chosen, candidate, in_service)
        reasons += reasons_against(comparisons, max_calibration_error)
    promoted = not reasons or forced is not None
    if promoted:
        registry.promote(
            version,
            chosen,
            expected=expected,
            by=by,
            now=now,
            figures=tuple(item.as_json() for item in comparisons),
            forced=forced,
        )
    return Outcome(version, chosen, serving, tuple(comparisons), tuple(reasons), forced, promoted)


def _only_language(name: str, languages: Sequence[str]) -> Language:
    own = [language for language in LANGUAGES if language in languages]
    if len(own) != 1:
        raise ModelError(f"{name}: made for {', '.join(languages)}; say --language en or zh")
    return own[0]
