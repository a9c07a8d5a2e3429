"""Which of the sources that usually speak are silent when an alert fires.

A source usually brings articles at a rate that follows the hour of the day and the day of the week,
taken from the weeks before the window. Articles come in bursts: of an index of dispersion F
(variance over mean, of spans of a day or of the window, whichever is shorter) the chance of none
where e are usual is exp(-2 e / (F + 1)), that of bursts whose sizes are geometric (Polya-Aeppli:
Johnson, Kemp and Kotz, Univariate Discrete Distributions, 2005). Its spans are independent, so that
it holds for any length of silence; where F grows with the span, it errs towards calling a source
alive.

A source counts as usual where an empty window would be so rare, and is silent where its silence,
back from the alert, is.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
MONDAY = 4 * DAY_SECONDS
"""1970-01-05, seconds since the epoch."""
REFERENCE_SECONDS = 28 * DAY_SECONDS
LEAST_KNOWN_SECONDS = 7 * DAY_SECONDS
"""A source that was first heard later has no rhythm yet."""
RARE = 0.01
OWN_ARTICLES = 2.0
"""Articles at an even rate that each hour of the day and each day of the week begins with."""
PRIOR_ARTICLES, PRIOR_DISPERSION = 20.0, 2.0
LOW_SHARE = 0.25
"""Of the usual articles, from which on what is missing makes confidence low."""


class Heard(msgspec.Struct, frozen=True):
    """A source that usually speaks in such a window: what its silence is judged by."""

    source: str
    last: int | None
    """Start of the bucket of its last article in the window, seconds since the epoch."""
    expected: float
    """Articles that are usual in the window."""
    expected_since: float
    """Those that are usual since the hour of its last one, or in the whole window where it holds
    none."""
    dispersion: float


class Silent(msgspec.Struct, frozen=True):
    """A source that is silent; `chance` of so long a silence."""

    source: str
    since: datetime | None
    """End of the bucket of its last article in the window; None: there is none."""
    chance: float


class Coverage(msgspec.Struct, frozen=True):
    """What of the usual sources could be heard."""

    usual: int
    """Sources that usually speak in such a window."""
    silent: tuple[Silent, ...] = ()
    missing: float = 0.0
    """Share of the usual articles that the silent ones bring."""

    @property
    def confidence(self) -> str:
        """full, reduced or low."""
        if not self.silent:
            return "full"
        return "low" if self.missing >= LOW_SHARE else "reduced"


class Rhythm:
    """When one source speaks, from its articles by hour.

    `hours` are starts, seconds since the epoch, and articles; known from the first one on, up to
    `until`.
    """

    def __init__(self, hours: Mapping[int, int], until: int) -> None:
        self.begin, self.until = min(hours), until
        self.known_seconds = max(0, until - self.begin)
        self._hours = {start: count for start, count in hours.items() if start < until}
        self._articles = sum(self._hours.values())
        of_day, of_week = [0.0] * 24, [0.0] * 7
        for start, count in self._hours.items():
            of_day[_hour(start)] += count
            of_week[_weekday(start)] += count
        spans = range(self.begin, until, HOUR_SECONDS)
        known_day, known_week = [0] * 24, [0] * 7
        for start in spans:
            known_day[_hour(start)] += 1
            known_week[_weekday(start)] += 1
        self._an_hour = self._articles / max(1, len(spans))
        self._of_day = self._relative(of_day, known_day)
        self._of_week = self._relative(of_week, known_week)

    def _relative(self, articles: list[float], hours: list[int]) -> list[float]:
        """To an even rate."""
        return [
            (told + OWN_ARTICLES) / (self._an_hour * many + OWN_ARTICLES)
            for told, many in zip(articles, hours, strict=True)
        ]

    def expected(self, begin: int, end: int) -> float:
        """Usual articles between two times."""
        total, at = 0.0, begin
        while at < end:
            until = min(end, at - at % HOUR_SECONDS + HOUR_SECONDS)
            rate = self._an_hour * self._of_day[_hour(at)] * self._of_week[_weekday(at)]
            total += rate * (until - at) / HOUR_SECONDS
            at = until
        return total

    def dispersion(self, span_seconds: int) -> float:
        """Variance over mean of the articles of a span, at least 1."""
        squares, mean = PRIOR_ARTICLES * PRIOR_DISPERSION, PRIOR_ARTICLES
        for start in range(self.begin, self.until - span_seconds + 1, span_seconds):
            hours = range(start, start + span_seconds, HOUR_SECONDS)
            told = sum(self._hours.get(hour, 0) for hour in hours)
            usual = self.expected(start, start + span_seconds)
            squares += (told - usual) ** 2
            mean += usual
        return max(1.0, squares / mean)


def listen(
    hours: Mapping[str, Mapping[int, int]], last: Mapping[str, int], begin: int, end: int
) -> list[Heard]:
    """The sources that usually speak in the window from `begin` to `end`, by name.

    `hours` are each source's articles by hour before the window, as far back as is looked; `last`
    the start of the bucket of its last article in the window. Times are seconds since the epoch.
    """
    until = begin - begin % HOUR_SECONDS
    span = max(HOUR_SECONDS, min(DAY_SECONDS, end - begin) // HOUR_SECONDS * HOUR_SECONDS)
    heard = []
    for source, told in sorted(hours.items()):
        if not told or until - min(told) < LEAST_KNOWN_SECONDS:
            continue
        rhythm = Rhythm(told, until)
        expected, dispersion = rhythm.expected(begin, end), rhythm.dispersion(span)
        if chance_of_none(expected, dispersion) >= RARE:
            continue
        at = last.get(source)
        # From the next hour on: within one, articles may all come at its beginning.
        since = (
            expected if at is None else rhythm.expected(at - at % HOUR_SECONDS + HOUR_SECONDS, end)
        )
        heard.append(Heard(source, at, round(expected, 4), round(since, 4), round(dispersion, 4)))
    return heard


def coverage(heard: Iterable[Heard], bucket_seconds: int) -> Coverage:
    """The verdict on the sources that usually speak."""
    told = list(heard)
    silent = [
        Silent(
            item.source,
            None if item.last is None else datetime.fromtimestamp(item.last + bucket_seconds, UTC),
            float(f"{chance:.3g}"),
        )
        for item in told
        if (chance := chance_of_none(item.expected_since, item.dispersion)) < RARE
    ]
    names = {item.source for item in silent}
    usual = sum(item.expected for item in told)
    gone = sum(item.expected for item in told if item.source in names)
    return Coverage(len(told), tuple(silent), round(gone / usual, 4) if usual else 0.0)


def chance_of_none(expected: float, dispersion: float) -> float:
    """That no article comes where so many are usual."""
    return math.exp(-2 * expected / (dispersion + 1))


def _hour(seconds: int) -> int:
    return seconds // HOUR_SECONDS % 24


def _weekday(seconds: int) -> int:
    """0 is Monday, UTC."""
    return (seconds - MONDAY) // DAY_SECONDS % 7
