"""What every rule has, whatever its detector."""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from alerts.series import BUCKET_SECONDS

_DURATION = re.compile(r"(\d+)\s*([mhdw])")
_UNIT_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_RATE = re.compile(r"(\d{1,6})\s+per\s+(\S[^\n]{0,20})")
_NAMED_SPANS = {"day": 86_400, "week": 604_800, "month": 2_592_000, "year": 31_536_000}
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


def parse_rate(value: Any) -> float:
    """Alarms a day of a rate such as `1 per 30d` or `2 per week`. Raises ValueError."""
    match = _RATE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"'{value}' is no rate; write 1 per 30d, or 2 per week")
    span = _NAMED_SPANS.get(match[2]) or parse_duration(match[2])
    rate = int(match[1]) * 86_400 / span if span else 0.0
    if not 1 / 366 <= rate <= 100:
        raise ValueError(f"{match[0]} is out of range: from 1 per 366d to 100 per day")
    return rate


def _listed(value: Any) -> Any:
    """`"*"` is every key; one name alone is a list of one."""
    if value == "*":
        return ()
    return (value,) if isinstance(value, str) else value


Seconds = Annotated[int, BeforeValidator(parse_duration)]
Rate = Annotated[float, BeforeValidator(parse_rate)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Dimension = Literal["all", "topic", "entity", "theme", "source", "language"]
Severity = Literal["info", "warning", "critical"]


class WatchRule(BaseModel):
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


class BudgetRule(WatchRule):
    """A rule whose limit may be given as the false alarms that a desk puts up with."""

    false_alarms: Rate | None = None
    """False alarms a day of the rule as a whole, shared over the keys that it watches; written
    `1 per 30d`."""

    baseline: Seconds = 28 * 86_400
    """Time constant of the key's memory: older buckets weigh less, by e a baseline."""
    revision: ClassVar[int] = 4
    """Of how such rules decide; part of their hash."""
    own_limit: ClassVar[str] = "probability"
    """The field that gives the limit where no budget does."""

    @property
    def learns(self) -> bool:
        """Whether what is usual is learned from the key's past."""
        return True

    @model_validator(mode="after")
    def _remembers_longer(self) -> Self:
        if self.false_alarms is not None and self.own_limit in self.model_fields_set:
            raise ValueError(f"false_alarms sets the limit: leave {self.own_limit} out")
        if self.learns and self.baseline < 2 * self.window:
            raise ValueError("baseline must be at least twice the window")
        return self
