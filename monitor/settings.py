"""One frozen tree of settings: undertone.yaml < environment (UNDERTONE_…) < flags."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from ruamel.yaml.comments import CommentedMap

from alerts.channels.settings import ChannelSettings, TerminalSettings
from alerts.rules import RuleFile
from ingest.feeds.catalogue import default_feeds
from ingest.feeds.settings import FeedSettings
from models.backends.options import BATCH_TOKENS
from models.tiers import Tier
from models.watched import WatchlistFile
from monitor.bus_settings import BusSettings
from monitor.failures import UsageError
from monitor.retention import RetentionSettings
from monitor.rule_names import check_names
from monitor.rule_reach import check_retention
from monitor.watchlist_file import load_watchlist
from monitor.yamlfile import Problem, YamlFileError, load_yaml, plain, problems_of, read_yaml

PACKAGE = Path(__file__).resolve().parent.parent
DEFAULT_RULES = PACKAGE / "alerts" / "default_rules.yaml"
SAMPLE = PACKAGE / "ingest" / "sample" / "sample.jsonl"
SAMPLE_WATCHLIST = PACKAGE / "ingest" / "sample" / "watchlist.yaml"
PREFIX = "UNDERTONE_"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(_Part):
    """Where results are kept; "" is SQLite in the data directory."""

    url: str = ""
    retention: RetentionSettings = RetentionSettings()


class ShadowSettings(_Part):
    """Challengers that score a part of the live texts, beside the models in service."""

    english: str | None = None
    chinese: str | None = None
    fraction: float = Field(0.1, ge=0, le=1)
    """Which share of the articles; the same articles in every run."""


class ModelSettings(_Part):
    """Which model scores which language."""

    english: str = "registry:en"
    chinese: str = "registry:zh"
    tier: Tier = "accurate"
    """Of the bundled models: `fast` ones are distilled from the accurate ones."""
    registry: Path | None = None
    """Where versions of models are kept; by default `models` in the data directory."""
    device: str = "auto"
    backend: Literal[
        "auto", "torch", "packed", "openvino-f32", "openvino-bf16", "openvino-int8"
    ] = "auto"
    """What runs a network; `auto` measures it on a CPU at the first start, and is `packed` on a
    GPU: torch, with the texts of a batch one behind the other."""
    max_tokens: int | None = Field(None, ge=8, le=512)
    batch_tokens: int = Field(BATCH_TOKENS, ge=64, le=1_000_000)
    """Tokens of a batch; on a GPU where looking for more begins."""
    threads: int | None = Field(None, ge=1, le=256)
    """CPU threads of the scorer; by default what the machine has."""
    shadow: ShadowSettings = ShadowSettings()
    low_confidence: float = Field(0.5, ge=0, le=1)
    """Texts whose likeliest sentiment is less likely are counted apart and listed for labelling."""


class WebSettings(_Part):
    """The console's address. It has no log-in yet: keep it on loopback or behind a proxy."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65_535)
    public_url: str = Field("", pattern=r"^(https?://\S+)?$")
    """What links to the console begin with, where it is read through another address."""


class IngestSettings(_Part):
    """How articles come in."""

    watermark_seconds: float = Field(5.0, gt=0, le=300)
    """How often ingest says up to when it has sent everything."""
    grace_seconds: float = Field(30.0, ge=0, le=86_400)
    """How long an article may take from publication to ingest and still be in time."""
    user_agent: str = "Undertone/0.1 (financial sentiment monitor)"


class InvalidRecordSettings(_Part):
    """How many records may be invalid before a role that reads the bus stops."""

    max_in_a_row: int = Field(50, ge=1, le=1_000_000)
    max_share: float = Field(0.2, gt=0, le=1)
    """Of the last `window_records`."""
    window_records: int = Field(1_000, ge=1, le=1_000_000)
    window_seconds: float = Field(86_400, gt=0)
    """Invalid records from before are forgotten."""


class ReplaySettings(_Part):
    """An archive that is replayed through the bus as if it came in live."""

    path: Path
    map: dict[str, str] = {}
    speed: float = Field(0.0, ge=0)
    """Seconds of the archive a second; 0 is as fast as it goes."""
    rebase: bool = False
    """Shift all times so that the last article is published now."""
    limit: int | None = Field(None, ge=1)


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    data_dir: Path = Path("var")
    bus: BusSettings = BusSettings()
    store: StoreSettings = StoreSettings()
    models: ModelSettings = ModelSettings()
    ingest: IngestSettings = IngestSettings()
    invalid_records: InvalidRecordSettings = InvalidRecordSettings()
    web: WebSettings = WebSettings()
    sample: bool = True
    default_feeds: bool = True
    feeds: tuple[FeedSettings, ...] = ()
    replays: tuple[ReplaySettings, ...] = ()
    watchlist: Path | None = None
    rules: Path | None = None
    channels: tuple[ChannelSettings, ...] = (TerminalSettings(name="terminal", type="terminal"),)
    follow_up_days: int = Field(7, ge=0, le=366)
    """So long an alert is looked at again when articles behind it change; 0 is never."""
    group_alerts: bool = True
    """Whether alerts that are open on one key at one time are told of as one event."""
    metrics_port: int | None = Field(None, ge=0, le=65_535)
    """Port of /metrics of a role that runs on its own."""

    @field_validator("feeds")
    @classmethod
    def _feeds_differ(cls, feeds: tuple[FeedSettings, ...]) -> tuple[FeedSettings, ...]:
        urls = [feed.url for feed in feeds]
        for url in urls:
            if urls.count(url) > 1:
                raise ValueError(f"two feeds have the address {url}")
        return feeds

    @field_validator("channels")
    @classmethod
    def _names_differ(cls, channels: tuple[ChannelSettings, ...]) -> tuple[ChannelSettings, ...]:
        names = [channel.name for channel in channels]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two channels are named '{name}'")
        return channels

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes over the file; flags are put over both by `load_settings`."""
        return env_settings, init_settings

    @property
    def polled_feeds(self) -> list[FeedSettings]:
        """All feeds that are polled; a feed of one's own stands in for a default one."""
        own = list(self.feeds)
        if not self.default_feeds:
            return own
        urls = {feed.url for feed in own}
        return own + [feed for feed in default_feeds() if feed.url not in urls]

    @property
    def store_url(self) -> str:
        return self.store.url or f"sqlite:///{self.data_dir.resolve() / 'undertone.db'}"

    @property
    def model_registry(self) -> Path:
        return self.models.registry or self.data_dir / "models"

    @property
    def backend_cache(self) -> Path:
        """Where models are kept in the form that runs fastest here."""
        return self.data_dir / "cache" / "backends"

    @cached_property
    def rule_file(self) -> RuleFile:
        """The rules in force; raises as `read_rules`, and UsageError where the store keeps less
        than a rule reads."""
        found = self.read_rules(self.rules or DEFAULT_RULES)
        check_retention(self.store.retention, found.rules)
        return found

    def read_rules(self, path: Path) -> RuleFile:
        """A rule file. Raises YamlFileError, and UsageError where it names what is not here."""
        found = load_yaml(path, RuleFile)
        channels = [channel.name for channel in self.channels]
        watched = self.watchlist_file
        check_names(path, found, channels, watched.names("company"), watched.names("theme"))
        return found

    @cached_property
    def watchlist_file(self) -> WatchlistFile:
        """The companies in force: the sample's too, while the sample runs. Raises YamlFileError."""
        own = load_watchlist(self.watchlist) if self.watchlist else WatchlistFile()
        if not self.sample:
            return own
        sample = load_watchlist(SAMPLE_WATCHLIST)
        names = {company.name for company in own.companies}
        added = [company for company in sample.companies if company.name not in names]
        return WatchlistFile(companies=(*own.companies, *added))


def load_settings(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The settings in force. Paths in a file are relative to it.

    `flags` overrides by dotted name (`web.port`). Without `config`, `undertone.yaml` here is read
    if there is one. Raises UsageError, with a line a problem.
    """
    path = config or (Path("undertone.yaml") if Path("undertone.yaml").is_file() else None)
    document = read_yaml(path) if path else CommentedMap()
    values = plain(document)
    try:
        settings = Settings(**_anchored(values, path.parent) if path else values)
    except ValidationError as error:
        raise _explained(error, path, document) from None
    return _with_flags(settings, flags)


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    for name in ("data_dir", "watchlist", "rules"):
        if isinstance(values.get(name), str):
            values[name] = folder / values[name]
    models = values.get("models")
    if isinstance(models, dict) and isinstance(models.get("registry"), str):
        models["registry"] = folder / models["registry"]
    bus = values.get("bus")
    for part in ("tls", "sasl"):
        files = bus.get(part) if isinstance(bus, dict) else None
        if isinstance(files, dict):
            for name, value in files.items():
                if name.endswith("_file") and isinstance(value, str):
                    files[name] = folder / value
    for replay in values.get("replays") or ():
        if isinstance(replay, dict) and isinstance(replay.get("path"), str):
            replay["path"] = folder / replay["path"]
    return values


def _with_flags(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    changed = settings
    for name, value in flags.items():
        if value is None:
            continue
        head, _, tail = name.partition(".")
        if tail:
            value = getattr(changed, head).model_copy(update={tail: value})
        changed = changed.model_copy(update={head: value})
    return changed


def _explained(error: ValidationError, path: Path | None, document: CommentedMap) -> UsageError:
    problems: list[Problem | str] = []
    for item in error.errors(include_url=False, include_input=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        if path is None or name not in document:
            variable = PREFIX + "__".join(str(part) for part in item["loc"]).upper()
            problems.append(f"environment {variable}: {item['msg']}")
    if path is not None and len(problems) < error.error_count():
        return YamlFileError(problems_of(error, path, document, Settings))
    return UsageError("\n".join(str(problem) for problem in problems))
