"""The week's rhythm: at which hours there is more news than usual, and more negative news.

A key's own rhythm is shrunk towards that of all keys that its rule watches: an hour of the week
weighs its own news against `OWN_STORIES` stories at the pooled rhythm. So a new key has the pooled
one, and a busy key soon its own. The pooled one is shrunk likewise, towards a flat week.

How strongly a share is shrunk is fitted: the less the hours lie beyond what chance does to so many
stories, the harder (a beta-binomial by moments, in the manner of Kleinman, JASA 68, 1973). Else the
hours of few weeks would be read as a rhythm that is none, and what is usual be called a turn. But
one hour that is off for sure is not drowned by the others: no share is moved further than
`MOST_ERRORS` of its standard errors (limited translation: Efron and Morris, JASA 67, 1972).
"""

import math
from collections.abc import Iterable

import msgspec

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
WEEK_HOURS = 168
MONDAY = 4 * DAY_SECONDS
"""1970-01-05, seconds since the epoch."""
OWN_STORIES = 30.0
POOLED_STORIES = 60.0
MOST_STORIES = 10_000.0
MOST_ERRORS = 2.0
GUESS_STORIES = 100.0
MEMORY_SECONDS = 112 * DAY_SECONDS
"""Time constant: an hour of the week comes but once a week."""


def hour_of_week(seconds: int) -> int:
    """0 is the first hour of Monday, UTC."""
    return (seconds - MONDAY) // HOUR_SECONDS % WEEK_HOURS


def moved(share: float, times: float) -> float:
    """The share at so many times the odds."""
    return share * times / (1 - share + share * times)


def odds(share: float) -> float:
    """Of a share in (0, 1)."""
    return share / (1 - share)


class Season(msgspec.Struct, frozen=True):
    """By hour of the week, over what is usual: stories, and odds of a negative one. And how many of
    both it was taken from."""

    rate: tuple[float, ...] = (1.0,) * WEEK_HOURS
    odds: tuple[float, ...] = (1.0,) * WEEK_HOURS
    stories: float = 0.0
    negative: float = 0.0

    def prior_share(self, guess: float) -> float:
        """Of all keys together: what a key without history is taken to have; at first `guess`."""
        return (guess * GUESS_STORIES + self.negative) / (GUESS_STORIES + self.stories)


FLAT = Season()


def prior_stories(
    hours: Iterable[tuple[float, float, float]], chance: float, least: float
) -> float:
    """How many stories at the expected share to hold against an hour's own.

    `hours` are (stories, negative ones, expected share). What the negative ones are off, squared,
    over p (1 - p), comes to `chance` in sum where nothing but chance is in it.
    """
    apart = squares = 0.0
    for stories, negative, expected in hours:
        apart += (negative - stories * expected) ** 2 / (expected * (1 - expected))
        squares += stories * stories
    if apart <= chance or squares <= chance:
        return MOST_STORIES
    return min(MOST_STORIES, max(least, (squares - chance) / (apart - chance) - 1))


def _rounded(times: float) -> float:
    """So that the last bits of a sum are nobody's rhythm; above 0."""
    return max(1e-4, round(times, 4))


def shrunk(negative: float, stories: float, expected: float, trust: float) -> float:
    """An hour's share of negative stories, held against `trust` stories at the expected one."""
    if not stories:
        return expected
    own = negative / stories
    room = MOST_ERRORS * math.sqrt(expected * (1 - expected) / stories)
    found = (negative + trust * expected) / (stories + trust)
    return min(own + room, max(own - room, found))


class PooledWeek(msgspec.Struct):
    """What all keys of a rule have in the hours of the week; fades from day to day."""

    stories: list[float] = msgspec.field(default_factory=lambda: [0.0] * WEEK_HOURS)
    negative: list[float] = msgspec.field(default_factory=lambda: [0.0] * WEEK_HOURS)
    watched: list[float] = msgspec.field(default_factory=lambda: [0.0] * 7)
    """Days that went in, by day of the week."""
    chance: float = 0.0
    """All stories, each by the square of its weight."""
    day: int | None = None
    """Start of the last one, seconds since the epoch."""

    def absorb(self, day: int, hours: dict[int, tuple[int, int]]) -> None:
        """Take a whole day in: (stories, negative) by hour of the week."""
        elapsed = 0 if self.day is None else day - self.day
        fade = math.exp(-elapsed / MEMORY_SECONDS)
        self.stories = [value * fade for value in self.stories]
        self.negative = [value * fade for value in self.negative]
        self.watched = [value * fade for value in self.watched]
        self.watched[hour_of_week(day) // 24] += 1
        self.chance *= fade**2
        for hour, (stories, negative) in hours.items():
            self.stories[hour] += stories
            self.negative[hour] += negative
            self.chance += stories
        self.day = day

    def season(self) -> Season:
        """Of what went in; flat where nothing did."""
        total, watched = sum(self.stories), 24 * sum(self.watched)
        if not total:
            return FLAT
        share, an_hour = sum(self.negative) / total, total / watched
        rates = [
            (stories + POOLED_STORIES) / (an_hour * self.watched[hour // 24] + POOLED_STORIES)
            for hour, stories in enumerate(self.stories)
        ]
        level = sum(rates) / WEEK_HOURS
        usual = (share * total + 0.5) / (total + 1)
        trust = self.share_stories(usual)
        relative = []
        for stories, negative in zip(self.stories, self.negative, strict=True):
            own = shrunk(negative, stories, usual, trust)
            relative.append(_rounded(odds(own) / odds(usual)))
        told = round(total, 3), round(sum(self.negative), 3)
        return Season(tuple(_rounded(rate / level) for rate in rates), tuple(relative), *told)

    def share_stories(self, usual: float) -> float:
        """At the usual share, to hold against the stories of an hour."""
        hours = (
            (stories, negative, usual)
            for stories, negative in zip(self.stories, self.negative, strict=True)
        )
        return round(prior_stories(hours, self.chance, POOLED_STORIES), 1)


class OwnWeek(msgspec.Struct):
    """What one key has in the hours of the week; fades from day to day."""

    hours: dict[int, tuple[float, float]] = {}
    """(stories, negative)."""
    stories: float = 0.0
    negative: float = 0.0
    chance: float = 0.0
    """All stories, each by the square of its weight."""
    share_stories: float = OWN_STORIES
    """So many stories at the pooled rhythm stand against an hour's own; fitted once a day."""
    day: int | None = None

    def absorb(self, start: int, stories: int, negative: int, pooled: Season) -> None:
        """Take a bucket in; `start` in seconds since the epoch, never falling by a day."""
        day = start - start % DAY_SECONDS
        if self.day is not None and day > self.day:
            fade = math.exp((self.day - day) / MEMORY_SECONDS)
            self.hours = {
                hour: (told * fade, bad * fade)
                for hour, (told, bad) in self.hours.items()
                if told * fade > 0.01
            }
            self.stories *= fade
            self.negative *= fade
            self.chance *= fade**2
            self.share_stories = self._fitted(pooled)
        self.day = day
        self.chance += stories
        hour = hour_of_week(start)
        told, bad = self.hours.get(hour, (0.0, 0.0))
        self.hours[hour] = (told + stories, bad + negative)
        self.stories += stories
        self.negative += negative

    def _fitted(self, pooled: Season) -> float:
        """By how far the key's hours are off the pooled rhythm; of hardly a story an hour nothing
        could be told, and nothing would come of it."""
        if self.stories < WEEK_HOURS:
            return OWN_STORIES
        usual = (self.negative + 0.5) / (self.stories + 1)
        hours = (
            (told, bad, moved(usual, pooled.odds[hour])) for hour, (told, bad) in self.hours.items()
        )
        return round(prior_stories(hours, self.chance, OWN_STORIES), 1)

    def rate(self, hour: int, pooled: Season) -> float:
        """Stories in an hour of the week, over the usual number."""
        told = self.hours.get(hour, (0.0, 0.0))[0]
        usual = self.stories / WEEK_HOURS
        return (told + OWN_STORIES * pooled.rate[hour]) / (usual + OWN_STORIES)

    def share(self, hour: int, usual: float, pooled: Season) -> float:
        """Of negative stories in an hour of the week, where the usual one is `usual`."""
        told, bad = self.hours.get(hour, (0.0, 0.0))
        if not told:
            return moved(usual, pooled.odds[hour])
        # Held against the share of the time that the hours tell of, not of now.
        then = (self.negative + usual) / (self.stories + 1)
        prior = moved(then, pooled.odds[hour])
        own = shrunk(bad, told, prior, self.share_stories)
        return moved(usual, odds(own) / odds(then))

    def window(self, end: int, seconds: int, usual: float, pooled: Season) -> tuple[float, float]:
        """Of the window before `end`: negative stories, over the usual number of one as long; and
        the share that is usual for its hours."""
        hours = max(1, round(seconds / HOUR_SECONDS))
        if hours >= WEEK_HOURS:
            return 1.0, usual
        last = hour_of_week(end - 1)
        told = negative = 0.0
        others, trust = 1 - usual, self.stories / WEEK_HOURS + OWN_STORIES
        for back in range(hours):
            hour = (last - back) % WEEK_HOURS
            if hour in self.hours:
                rate, share = self.rate(hour, pooled), self.share(hour, usual, pooled)
            else:
                # The same without news of its own, as most hours are: this is looked at most.
                bad = usual * pooled.odds[hour]
                rate, share = OWN_STORIES * pooled.rate[hour] / trust, bad / (others + bad)
            told += rate
            negative += rate * share
        return negative / hours / usual, negative / told
