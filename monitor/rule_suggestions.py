"""Settings of rules proposed for known incidents, within a budget of false alarms.

A proposal is a rule for each dimension that incidents are about, all of one kind of detector, each
with a part of the budget, by how many incidents are about it. Of a small grid
(`monitor/rule_grid.py`) the settings are taken that find most incidents of the first part of the
history, among those whose false alarms on that part, with its labels shuffled, keep within the
rule's part of the budget. A rule that finds nothing that the others do not is left out. The rest of
the history only tests what was chosen.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.incidents import Incident, Judgement, judge
from monitor.replays import SimulatedRate, replay, simulate
from monitor.rule_grid import Candidate, candidates
from monitor.rule_reports import WEEK, in_range
from monitor.store.watch import Stretch, watched_stretches

_QUICK_FIRST = ("all", "language", "source", "topic", "theme", "entity")
ENOUGH_ALARMS = 20
MOST_SHUFFLES = 5


@dataclass(frozen=True, slots=True)
class Search:
    """On what settings are chosen, and on what they are tested."""

    incidents: Sequence[Incident]
    since: datetime
    split: datetime
    """Before it settings are chosen; from it on they are tested."""
    until: datetime
    budget: float
    """False alarms a day of a proposal as a whole."""
    shuffles: int | None
    """None: as many as it takes to measure the budget."""
    seed: int

    @property
    def known(self) -> list[Incident]:
        """What settings are chosen by."""
        return in_range(self.incidents, self.since, self.split)

    @property
    def unseen(self) -> list[Incident]:
        """What they are tested by."""
        return in_range(self.incidents, self.split, self.until)

    @property
    def parts(self) -> dict[str, float]:
        """Of the budget, in alarms a day: by dimension that the known incidents are about.

        One that is about two dimensions counts for each of them by half. What is quick to fold
        stands first, so that time which it does not need is left to the others.
        """
        weights = dict.fromkeys(_QUICK_FIRST, 0.0)
        for incident in self.known:
            about = {dimension for dimension, _ in incident.about}
            for dimension in about:
                weights[dimension] += 1 / len(about)
        total = sum(weights.values())
        return {name: self.budget * value / total for name, value in weights.items() if value}

    def shuffles_for(self, rate: float) -> int:
        """So many that a rule at that rate would raise `ENOUGH_ALARMS`, if that is not too many."""
        if self.shuffles is not None:
            return self.shuffles
        days = (self.split - self.since) / timedelta(days=1)
        return max(1, min(MOST_SHUFFLES, math.ceil(ENOUGH_ALARMS / (days * rate))))


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings on the first part of the history."""

    candidate: Candidate
    judgement: Judgement

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better: most found, then fewest others, then soonest."""
        return _rank(self.judgement)

    @property
    def found(self) -> set[Incident]:
        return {outcome.incident for outcome in self.judgement.outcomes if outcome.found}


@dataclass(frozen=True, slots=True)
class Choice:
    """The best settings of a detector on a dimension."""

    dimension: str
    trial: Trial | None
    """None where no settings found anything within the budget."""
    false_alarms: SimulatedRate | None
    tried: int
    of: int
    """Settings in the grid; fewer are tried where time runs out."""
    unmeasured: int = 0
    """Settings that found something, for whose false alarms there was no time."""


@dataclass(frozen=True, slots=True)
class Part:
    """A proposal on one part of the history."""

    judgement: Judgement
    rates: tuple[SimulatedRate, ...]
    """Of each of its rules, with shuffled labels."""

    @property
    def false_alarms(self) -> float | None:
        """A day, of all its rules; None where there is none, or no history."""
        if not self.rates or not all(rate.days for rate in self.rates):
            return None
        return sum(rate.rate for rate in self.rates)

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of that sum, from each rule's interval (Zou and Donner, "Construction of
        confidence limits about effect measures", Statistics in Medicine 27, 2008).

        Raises ValueError where there is no rate.
        """
        if self.false_alarms is None:
            raise ValueError("no rate was measured")
        lower = sum((rate.rate - rate.interval[0]) ** 2 for rate in self.rates) ** 0.5
        upper = sum((rate.interval[1] - rate.rate) ** 2 for rate in self.rates) ** 0.5
        return max(0.0, self.false_alarms - lower), self.false_alarms + upper


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules of one kind of detector."""

    detector: str
    choices: tuple[Choice, ...]
    chosen: tuple[Candidate, ...]
    known: Part
    tested: Part

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better, on the part that settings were chosen on."""
        return _rank(self.known.judgement)


def propose(
    engine: Engine,
    search: Search,
    detector: str,
    seconds: float,
    clock: Callable[[], float],
    on_trial: Callable[[str], None],
) -> Proposal:
    """The best rules of a detector. `seconds` by `clock` is how long the search may take, more or
    less: each dimension has one trial at least. `on_trial` is told what is being done."""
    stretches = watched_stretches(engine)
    deadline = clock() + seconds
    choices: list[Choice] = []
    for dimension, rate in search.parts.items():
        own = (deadline - clock()) / (len(search.parts) - len(choices))
        grid = candidates(detector, dimension, rate)
        choices.append(_choose(engine, search, stretches, grid, rate, own, clock, on_trial))
    chosen = _needed(choices)
    known, tested = _parts(engine, search, stretches, chosen, choices, on_trial, detector)
    return Proposal(
        detector, tuple(choices), tuple(trial.candidate for trial in chosen), known, tested
    )


def _choose(
    engine: Engine,
    search: Search,
    stretches: Sequence[Stretch],
    grid: Sequence[Candidate],
    budget: float,
    seconds: float,
    clock: Callable[[], float],
    on_trial: Callable[[str], None],
) -> Choice:
    """Half of the time to see what settings find, half to see which keep within the budget."""
    dimension = grid[0].rule.dimension
    told = f"{grid[0].rule.detector} on {dimension}"
    shuffles = search.shuffles_for(budget)
    begun = clock()
    trials: list[Trial] = []
    for candidate in grid:
        if trials and clock() - begun > seconds / 2:
            break
        on_trial(f"{told}: {len(trials) + 1} of {len(grid)}")
        rule = candidate.rule
        done = replay(engine, rule, stretches, search.since, search.split)
        watched = [incident for incident in search.known if incident.watched_by(rule)]
        weeks = (search.split - search.since) / WEEK
        trials.append(Trial(candidate, judge(done.alerts, watched, weeks)))
    useful = [trial for trial in sorted(trials, key=lambda trial: trial.rank) if trial.found]
    for number, trial in enumerate(useful):
        if number and clock() - begun > seconds:
            left = len(useful) - number
            return Choice(dimension, None, None, len(trials), len(grid), left)
        on_trial(f"{told}: false alarms")
        rule = trial.candidate.rule
        rate = simulate(engine, rule, search.since, search.split, shuffles, search.seed)
        if rate.days and rate.rate <= budget:
            return Choice(dimension, trial, rate, len(trials), len(grid))
    return Choice(dimension, None, None, len(trials), len(grid))


def _needed(choices: Sequence[Choice]) -> list[Trial]:
    """The best first; of the others those that find something more."""
    trials = [choice.trial for choice in choices if choice.trial is not None]
    kept: list[Trial] = []
    found: set[Incident] = set()
    for trial in sorted(trials, key=lambda trial: trial.rank):
        if trial.found - found:
            kept.append(trial)
            found |= trial.found
    return kept


def _parts(
    engine: Engine,
    search: Search,
    stretches: Sequence[Stretch],
    chosen: Sequence[Trial],
    choices: Sequence[Choice],
    on_trial: Callable[[str], None],
    detector: str,
) -> tuple[Part, Part]:
    """The chosen rules together, on the part that they were chosen on and on the other."""
    rates = {choice.dimension: choice.false_alarms for choice in choices if choice.false_alarms}
    alerts: list[Alert] = []
    before: list[SimulatedRate] = []
    after: list[SimulatedRate] = []
    for trial in chosen:
        rule = trial.candidate.rule
        on_trial(f"{detector}: test of {rule.name}")
        alerts += replay(engine, rule, stretches, search.since, search.until).alerts
        before.append(rates[rule.dimension])
        shuffles = search.shuffles_for(search.parts[rule.dimension])
        after.append(simulate(engine, rule, search.split, search.until, shuffles, search.seed))
    return (
        Part(
            judge(
                [alert for alert in alerts if alert.started < search.split],
                search.known,
                (search.split - search.since) / WEEK,
            ),
            tuple(before),
        ),
        Part(
            judge(
                [alert for alert in alerts if alert.started >= search.split],
                search.unseen,
                (search.until - search.split) / WEEK,
            ),
            tuple(after),
        ),
    )


def _rank(judgement: Judgement) -> tuple[float, ...]:
    median = judgement.median_delay
    late = float("inf") if median is None else median.total_seconds()
    return -judgement.found, judgement.alerts - judgement.meeting, late
