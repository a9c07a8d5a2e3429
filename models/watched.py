"""What a watchlist says of each company, checked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from models.identifiers import checked_isin, checked_lei

MAX_COMPANIES = 50_000
Kind = Literal["company", "theme"]


class Company(BaseModel):
    """A company or theme under watch: the name it is shown by, and what else it is called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    kind: Kind = "company"
    """A theme is a country, commodity, market or route: its articles count under it with their own
    sentiment, since a strike on a country is no verdict on that country."""
    aliases: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()
    isin: tuple[str, ...] = ()
    """Of its securities; in YAML one may stand alone."""
    lei: str | None = None
    language: str | None = Field(None, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    """What it reports in, for the reader of the list; its names are looked for in any text."""
    parent: str | None = None
    """The company of the list that owns it."""
    rollup: bool = False
    """Whether its news are news of its parent too."""
    ambiguous: tuple[str, ...] = ()
    """Names, aliases or tickers that mean other things too: they count only with a second cue."""
    cues: tuple[str, ...] = ()
    """Words that tell, somewhere in a text, that an ambiguous name is this company."""
    not_in: tuple[str, ...] = ()
    """Longer words that hold a name of the company and mean something else."""

    @field_validator("isin", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("isin")
    @classmethod
    def _isin(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_isin(value) for value in values)

    @field_validator("lei")
    @classmethod
    def _lei(cls, value: str | None) -> str | None:
        return None if value is None else checked_lei(value)

    @field_validator("name", "aliases", "tickers", "ambiguous", "cues", "not_in")
    @classmethod
    def _not_blank(cls, values: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if any(not value.strip() for value in ([values] if isinstance(values, str) else values)):
            raise ValueError("an empty name would match everything; leave it out")
        return values

    @model_validator(mode="after")
    def _rolls_up_to_a_parent(self) -> "Company":
        if self.rollup and self.parent is None:
            raise ValueError("rollup: name the parent that its news count for")
        return self

    @property
    def spellings(self) -> tuple[str, ...]:
        """What it is called, tickers and codes aside, each once."""
        tickers = set(self.tickers)
        ambiguous = (name for name in self.ambiguous if name not in tickers)
        return tuple(dict.fromkeys((self.name, *self.aliases, *ambiguous)))


class Listed(BaseModel):
    """What a watchlist in YAML holds, each entry checked on its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    companies: tuple[Company, ...] = Field(default=(), max_length=MAX_COMPANIES)
    themes: tuple[Company, ...] = Field(default=(), max_length=MAX_COMPANIES)
    """Entries of `kind: theme`, which they need not say."""

    def entries(self) -> tuple[Company, ...]:
        """Companies first, then themes."""
        themes = (theme.model_copy(update={"kind": "theme"}) for theme in self.themes)
        return (*self.companies, *themes)


class WatchlistFile(BaseModel):
    """All that is watched, companies and themes, without contradictions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    companies: tuple[Company, ...] = Field(default=(), max_length=MAX_COMPANIES)

    @field_validator("companies")
    @classmethod
    def _agree(cls, companies: tuple[Company, ...]) -> tuple[Company, ...]:
        for _, _, message in conflicts(companies):
            raise ValueError(message)
        return companies

    def names(self, kind: Kind) -> list[str]:
        """What the companies, or the themes, are shown by."""
        return [item.name for item in self.companies if item.kind == kind]


def conflicts(companies: Sequence[Company]) -> Iterator[tuple[int, str, str]]:
    """Where companies of a list contradict each other: index, field, and message for the user."""
    parents: dict[str, str | None] = {}
    for index, company in enumerate(companies):
        if company.name in parents:
            yield index, "name", f"{company.kind} '{company.name}' stands twice"
        parents.setdefault(company.name, company.parent)
    for index, company in enumerate(companies):
        owner = f"the parent '{company.parent}' of '{company.name}'"
        if company.parent is None:
            continue
        if company.parent not in parents:
            yield index, "parent", f"{owner} is not in the list"
        elif company.name in _line_above(company.name, parents):
            yield index, "parent", f"{owner} is owned by it"


def rolled_up(companies: Sequence[Company]) -> dict[str, tuple[str, ...]]:
    """For each company those that its news count for: itself, and the owners it rolls up to."""
    owners = {company.name: company.parent for company in companies if company.rollup}
    return {
        company.name: tuple(dict.fromkeys((company.name, *_line_above(company.name, owners))))
        for company in companies
    }


def _line_above(name: str, parents: Mapping[str, str | None]) -> list[str]:
    above: list[str] = []
    up = parents.get(name)
    while up is not None and up not in above:
        above.append(up)
        up = parents.get(up)
    return above
