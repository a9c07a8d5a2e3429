"""Rules: what a desk wants to be told, as it writes it in YAML."""

import hashlib
import json
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from alerts.rule_fields import BudgetRule, Names, Seconds, WatchRule
from alerts.series import BUCKET_SECONDS


class ThresholdRule(WatchRule):
    """Fires when the share of negative stories is surely above a limit."""

    detector: Literal["threshold"]
    share: float = Field(gt=0, lt=1)
    """The lower bound of the share's interval must be above it."""
    leave: float | None = Field(default=None, gt=0, lt=1)
    """The alert ends when the share falls below; by default 0.8 x share."""
    corrected_for: Literal["classifier"] | None = None
    """`classifier`: the share that is behind the one that the models have seen, by their known
    errors, is held against the limit."""

    @model_validator(mode="after")
    def _leaves_below(self) -> "ThresholdRule":
        if self.leave is not None and self.leave >= self.share:
            raise ValueError(f"leave ({self.leave}) must be below share ({self.share})")
        return self


class SurgeRule(BudgetRule):
    """Fires when a key's negative stories are far beyond what is usual for it."""

    detector: Literal["surge"]
    ask: Literal["both", "tone"] = "both"
    """`tone`: whether the share of negative stories is unusual, and not whether their number is;
    then `prior_negative` and `volume_variation` decide nothing."""
    baseline: Seconds = 14 * 86_400
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
    share_variation: float = Field(default=0.03, ge=0, le=0.3)
    """How far the usual share moves from window to window of itself: its standard deviation where
    the share is a half, less towards 0 and 1."""


class CusumRule(BudgetRule):
    """Fires as early as can be when a share has turned, at a chosen rate of false alarms."""

    detector: Literal["cusum"]
    own_limit: ClassVar[str] = "run_length"
    run_length: float = Field(default=10_000, ge=50, le=1e9)
    """Stories of usual news between two false alarms of a key, on average."""
    usual: float | None = Field(default=None, gt=0.005, lt=0.95)
    """The usual share where it is known; not set: learned from the key's own past."""
    odds_ratio: float = Field(default=2.5, ge=1.2, le=20)
    """The turn that is looked for: a negative story becomes so many times as likely against one
    that is not. 2.5 takes a share of 20% to 38%, one of 40% to 63%."""
    baseline: Seconds = 14 * 86_400
    prior_share: float = Field(default=0.3, gt=0, lt=1)
    prior_stories: float = Field(default=10.0, gt=0)
    burst: Seconds = Field(default=86_400, ge=BUCKET_SECONDS)
    """Stories that come within so long of each other may be of one tone."""
    correlation: float = Field(default=0.01, ge=0, le=0.5)
    """How alike the stories of a burst are for a key without history: 0, independent, and then
    nothing is fitted; towards 1, all of one tone."""

    @property
    def learns(self) -> bool:
        return self.usual is None


class VolumeRule(BudgetRule):
    """Fires on a burst of negative stories, whatever their share."""

    detector: Literal["volume"]
    probability: float = Field(default=1e-4, gt=0, le=0.05)
    """Chance that a usual window holds so many; below it the rule fires."""
    min_negative: int = Field(default=4, ge=1)
    min_stories: int = Field(default=4, ge=1)
    prior_negative: float = Field(default=1.0, gt=0)
    """Negative stories a window that a key without history is taken to have."""
    prior_variation: float = Field(default=0.5, ge=0, le=5)
    """How far the count of a key without history moves from window to window, beyond chance: its
    standard deviation over its mean."""
    prior_windows: float = Field(default=8.0, gt=0)
    """Windows of a key's own history that outweigh `prior_variation`."""


class CriticalRule(WatchRule):
    """Fires on one story on a company that is surely negative."""

    detector: Literal["critical"]
    dimension: Literal["entity"] = "entity"
    probability: float = Field(default=0.9, gt=0.3, lt=1)
    """How sure it must be that the story is negative for the company."""
    topics: Names = Field(default=(), description="None listed, or `*`: every topic.")
    min_stories: int = Field(default=1, ge=1)
    """So many such stories within the window."""


class DivergenceRule(BudgetRule):
    """Fires when a key has turned negative and the others have not."""

    detector: Literal["divergence"]
    revision: ClassVar[int] = 4
    dimension: Literal["topic", "entity", "theme", "source", "language"]
    against: Names = Field(default=(), description="None listed, or `*`: all others.")
    """The keys that it is held against: a company's sector."""
    probability: float = Field(default=1e-4, gt=0, le=0.05)
    """Chance that the key looks like this while it stands to the others as usual."""
    min_others: int = Field(default=30, ge=1)
    """Stories of the others in the window, below which there is nothing to hold against."""
    prior_share: float = Field(default=0.3, gt=0, lt=1)
    prior_stories: float = Field(default=10.0, gt=0)
    dispersion: float = Field(default=2.0, ge=1, le=100)
    """News comes in bursts: so many stories of the history are one independent observation."""
    share_variation: float = Field(default=0.05, ge=0, le=0.3)
    """How far the usual gap moves from window to window of itself: its standard deviation where
    the share is a half, less towards 0 and 1."""


AnyRule = ThresholdRule | SurgeRule | CusumRule | VolumeRule | CriticalRule | DivergenceRule
Rule = Annotated[AnyRule, Field(discriminator="detector")]


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


def rule_hash(rule: AnyRule) -> str:
    """12 hex digits of all that decides: description and channels may change without a trace."""
    content = rule.model_dump(mode="json", exclude={"description", "channels", "severity"})
    if content.get("corrected_for") is None:
        # As before there was such a field.
        content.pop("corrected_for", None)
    if isinstance(rule, BudgetRule):
        # A detector that decides otherwise than it did learns anew, as a rule that was changed.
        content["revision"] = rule.revision
    encoded = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(encoded.encode()).hexdigest()[:12]
