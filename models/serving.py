"""Models in service: what the settings and the registry name is opened, watched and exchanged.

A setting `registry:en` stands for the version that the registry has in service for that language.
What cannot be opened never takes the place of what can: at the start the version before it serves,
at the bottom the bundled model; later the model that serves stays.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.answers import Answers, load_model, open_model
from models.backends.options import PLAIN, BackendOptions
from models.journal import LANGUAGES, Language, Promotion, succession
from models.manifest import ModelError
from models.registry import Registry
from models.scorer import Scorer
from models.tiers import Tier, in_tier

LOG = logging.getLogger(__name__)
PREFIX = "registry:"
PROBE = "Shares fall after the bank cuts its forecast. 银行下调业绩预期，股价下跌。"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A version that should serve and could not be opened."""

    language: Language
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How models are opened."""

    backend: BackendOptions = PLAIN
    max_tokens: int | None = None
    tier: Tier = "accurate"
    """Of the bundled models."""


@dataclass(slots=True)
class ModelService:
    """Keeps a scorer of what should be in service. `specs` are settings by language."""

    registry: Registry
    specs: Mapping[str, str]
    options: ServiceOptions = ServiceOptions()
    on_refusal: Callable[[Refusal], None] = lambda refusal: None
    serving: dict[str, str] = field(default_factory=dict)
    """By language of `specs`, the version or setting that serves."""
    _models: dict[str, Answers] = field(default_factory=dict)
    _tried: dict[Language, tuple[int, str]] = field(default_factory=dict)
    _seen: tuple[int, int] | None = None

    def start(self) -> Scorer:
        """Open a model a language. A promoted version that is refused is passed over for the one
        before it. Raises ModelError where a model that the settings name outright is refused."""
        self._seen = self._journal_state()
        for key in self.specs:
            self.open(key)
        return Scorer(self._models)

    def open(self, key: str) -> Answers:
        """Open the model of one language, or take the one that another language has opened."""
        spec = self.specs[key]
        for other, model in self._models.items():
            if self.specs[other] == spec:
                self.serving[key], self._models[key] = self.serving[other], model
                return model
        self.serving[key], self._models[key] = self._open_first(spec, key)
        return self._models[key]

    def renewed(self) -> Scorer | None:
        """A scorer with what was promoted since, once it is opened; None where nothing is new or
        what is new was refused. Safe to call on another thread than scoring.

        Raises ModelError where the journal cannot be read.
        """
        state = self._journal_state()
        if state == self._seen:
            return None
        self._seen = state
        changed = False
        entries = self.registry.entries()
        for spec in sorted(set(self.specs.values())):
            language = registry_language(spec)
            if language is None:
                continue
            tried = self._latest(entries, language)
            if tried == self._tried.get(language):
                continue
            self._tried[language] = tried
            keys = [key for key, value in self.specs.items() if value == spec]
            if all(self.serving[key] == tried[1] for key in keys):
                continue
            model = self._try(language, tried[1])
            if model is not None:
                self.serving.update(dict.fromkeys(keys, tried[1]))
                self._models.update(dict.fromkeys(keys, model))
                changed = True
        return Scorer(self._models) if changed else None

    def _open_first(self, spec: str, key: str) -> tuple[str, Answers]:
        language = registry_language(spec)
        if language is None:
            spec = in_tier(spec, self.options.tier)
            return spec, open_model(spec, key, self.options.backend, self.options.max_tokens)
        try:
            entries = self.registry.entries()
        except ModelError as error:
            entries = []
            self._refuse(Refusal(language, str(self.registry.journal), str(error)))
        self._tried[language] = self._latest(entries, language)
        versions = [in_tier(item, self.options.tier) for item in succession(entries, language)]
        for version in reversed(versions[1:]):
            model = self._try(language, version)
            if model is not None:
                return version, model
        return versions[0], open_version(self.registry, versions[0], self.options)

    def _try(self, language: Language, version: str) -> Answers | None:
        try:
            return open_version(self.registry, version, self.options)
        except Exception as error:  # whatever is amiss with it, another model can serve
            self._refuse(Refusal(language, version, str(error) or type(error).__name__))
            return None

    def _refuse(self, refusal: Refusal) -> None:
        LOG.warning("models: %s is not taken into service: %s", refusal.version, refusal.reason)
        self.on_refusal(refusal)

    def _latest(self, entries: Sequence[Promotion], language: Language) -> tuple[int, str]:
        """How many entries a language has, and what the last of them put in service."""
        own = [entry for entry in entries if entry.language == language]
        return len(own), in_tier(succession(own, language)[-1], self.options.tier)

    def _journal_state(self) -> tuple[int, int] | None:
        try:
            found = self.registry.journal.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size


def registry_language(spec: str) -> Language | None:
    """The language of a setting `registry:en`; None for another setting.

    Raises ModelError for a language that the registry does not have.
    """
    if not spec.startswith(PREFIX):
        return None
    for language in LANGUAGES:
        if spec == PREFIX + language:
            return language
    known = ", ".join(PREFIX + language for language in LANGUAGES)
    raise ModelError(f"'{spec}': the registry has {known}")


def open_version(registry: Registry, version: str, options: ServiceOptions) -> Answers:
    """A version of the registry, or a bundled model, that has answered once. Raises ModelError."""
    directory = registry.verified_directory(version)
    model = open_directory(directory, options)
    if not version.startswith("bundled:") and model.identifier != version:
        raise ModelError(f"{directory}: its files are those of {model.identifier}")
    return model


def open_directory(directory: Path, options: ServiceOptions) -> Answers:
    """A model directory that has answered once. Raises ModelError."""
    model = load_model(directory, options.backend, options.max_tokens)
    try:
        sentiment, topics, _ = model.answer(model.tokenise([PROBE, ""]))
    except (IndexError, RuntimeError) as error:
        raise ModelError(f"{directory}: it cannot score a text: {error}") from error
    sound = np.isfinite(sentiment).all() and np.isfinite(topics).all()
    if not sound or not np.allclose(sentiment.sum(-1), 1.0, atol=1e-2):
        raise ModelError(f"{directory}: its answers are no probabilities")
    return model
