"""Rules: what a desk wants to be told, as it writes it in YAML."""

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from alerts.series import BUCKET_SECONDS

_DURATION = re.compile(r"(\d+)\s*([mhdw])")
_UNIT_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
MAX_WINDOW_SECONDS = 28 * 86_400
MAX_DURATION_SECONDS = 366 * 86_400
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")


def parse_duration(value: Any) -> int:
    """Seconds of a duration such as `90m`, `6h`, `14d` or `2w`. Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f"a duration needs a unit: {value}m, {value}h, {value}d or {value}w")
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"'{value}' is no duration; write 90m, 6h, 14d or 2w")
    seconds = int(match[1][:12]) * _UNIT_SECONDS[match[2]]
    if seconds > MAX_DURATION_SECONDS:
        raise ValueError(f"{match[0]} is too long; at most 366d")
    return seconds


def _listed(value: Any) -> Any:
    """`"*"` is every key; one name alone is a list of one."""
    if value == "*":
        return ()
    return (value,) if isinstance(value, str) else value


Seconds = Annotated[int, BeforeValidator(parse_duration)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Dimension = Literal["all", "topic", "entity", "source", "language"]
Severity = Literal["info", "warning", "critical"]


class _Rule(BaseModel):
    """What every rule has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    dimension: Dimension
    keys: Names = Field(default=(), description="None listed, or `*`: every key.")
    except_keys: Names = ()
    window: Seconds = 86_400
    min_stories: int = Field(default=8, ge=1)
    severity: Severity = "warning"
    channels: Names = Field(default=(), description="None listed: every channel.")
    lateness: Seconds = 21_600
    """How late an article may come and still raise an alert."""
    for_buckets: int = Field(default=1, ge=1, le=288)
    """Buckets in a row that the condition must hold before the alert fires."""
    cooldown: Seconds = 21_600
    """After an alert has ended, its key keeps quiet for so long."""

    @field_validator("name")
    @classmethod
    def _slug(cls, value: str) -> str:
        if not _SLUG.fullmatch(value):
            raise ValueError("a name is small letters, digits and hyphens, such as company-surge")
        return value

    @field_validator("window")
    @classmethod
    def _whole_buckets(cls, value: int) -> int:
        if value % BUCKET_SECONDS or not BUCKET_SECONDS <= value <= MAX_WINDOW_SECONDS:
            raise ValueError("a window is a multiple of 5m, from 5m to 28d")
        return value

    def watches(self, key: str) -> bool:
        """Whether the rule looks at a key of its dimension."""
        return (not self.keys or key in self.keys) and key not in self.except_keys


class ThresholdRule(_Rule):
    """Fires when the share of negative stories is surely above a limit."""

    detector: Literal["threshold"]
    share: float = Field(gt=0, lt=1)
    """The lower bound of the share's interval must be above it."""
    leave: float | None = Field(default=None, gt=0, lt=1)
    """The alert ends when the share falls below; by default 0.8 x share."""

    @model_validator(mode="after")
    def _leaves_below(self) -> "ThresholdRule":
        if self.leave is not None and self.leave >= self.share:
            raise ValueError(f"leave ({self.leave}) must be below share ({self.share})")
        return self


class SurgeRule(_Rule):
    """Fires when a key's negative stories are far beyond what is usual for it."""

    detector: Literal["surge"]
    baseline: Seconds = 14 * 86_400
    """Time constant of the key's memory: older buckets weigh less, by e a baseline."""
    probability: float = Field(default=1e-4, gt=0, le=0.05)
    """Chance that a usual window looks like this; below it the rule fires."""
    min_negative: int = Field(default=4, ge=1)
    prior_share: float = Field(default=0.3, gt=0, lt=1)
    prior_stories: float = Field(default=10.0, gt=0)
    prior_negative: float = Field(default=1.0, gt=0)
    """Negative stories a window that a key without history is taken to have."""
    dispersion: float = Field(default=2.0, ge=1, le=100)
    """News comes in bursts: so many stories of the history are one independent observation."""
    volume_variation: float = Field(default=0.3, ge=0, le=2)
    """How far the usual count moves from window to window of itself: its standard deviation over
    its mean."""
    share_variation: float = Field(default=0.05, ge=0, le=0.3)
    """How far the usual share moves from window to window of itself: its standard deviation where
    the share is a half, less towards 0 and 1."""

    @model_validator(mode="after")
    def _remembers_longer(self) -> "SurgeRule":
        if self.baseline < 2 * self.window:
            raise ValueError("baseline must be at least twice the window")
        return self


Rule = Annotated[ThresholdRule | SurgeRule, Field(discriminator="detector")]


class RuleFile(BaseModel):
    """What a rule file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(max_length=1_000)

    @field_validator("rules")
    @classmethod
    def _distinct(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in rules]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two rules are named '{name}'")
        return rules


def rule_hash(rule: ThresholdRule | SurgeRule) -> str:
    """12 hex digits of all that decides: description and channels may change without a trace."""
    content = rule.model_dump(mode="json", exclude={"description", "channels", "severity"})
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(encoded.encode()).hexdigest()[:12]
