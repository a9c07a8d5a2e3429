"""What a user says about how long the store keeps things; days of the stream's own time."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MOST_DAYS = 36_600


class RetentionSettings(BaseModel):
    """None is for ever. What an alert that is kept follows from is never removed before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    articles_days: int | None = Field(None, ge=1, le=_MOST_DAYS)
    """Articles that no kept alert and no label needs; by publication."""
    alerts_days: int | None = Field(None, ge=1, le=_MOST_DAYS)
    """Alerts that have ended, with their deliveries and evidence."""
    labels_days: int | None = Field(None, ge=1, le=_MOST_DAYS)
    """People's labels; as long as there is one, its article stays."""
    five_minute_tallies_days: int | None = Field(None, ge=1, le=_MOST_DAYS)
    """Older tallies are of hours."""
    hourly_tallies_days: int | None = Field(None, ge=1, le=_MOST_DAYS)
    """Older tallies are of days, and those are kept."""

    @model_validator(mode="after")
    def _hours_are_of_what_was_rolled_up(self) -> "RetentionSettings":
        if self.hourly_tallies_days is None:
            return self
        if self.five_minute_tallies_days is None:
            raise ValueError("hourly_tallies_days goes with five_minute_tallies_days")
        if self.hourly_tallies_days < self.five_minute_tallies_days:
            raise ValueError(
                f"hourly_tallies_days ({self.hourly_tallies_days}) must not be below "
                f"five_minute_tallies_days ({self.five_minute_tallies_days})"
            )
        return self
