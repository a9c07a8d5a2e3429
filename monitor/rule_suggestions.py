"""Settings of rules proposed for known incidents, within a budget of false alarms.

A proposal is a rule for each dimension that incidents are about, all of one kind of detector, each
with an equal part of the budget. Of a small grid (`monitor/rule_grid.py`) the settings are taken
that find most incidents of the first part of the history, among those whose false alarms on that
part, with its labels shuffled, keep within the rule's part of the budget. A rule that finds nothing
that the others do not is left out. The rest of the history only tests what was chosen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.incidents import Incident, Judgement, judge
from monitor.replays import SimulatedRate, replay, simulate
from monitor.rule_grid import Candidate, candidates
from monitor.rule_reports import WEEK, in_range
from monitor.store.watch import Stretch, watched_stretches


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
    shuffles: int
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
    def dimensions(self) -> list[str]:
        """That the known incidents are about, the one with most of them first."""
        about = [{dimension for dimension, _ in incident.about} for incident in self.known]
        names = sorted(set().union(*about))
        return sorted(names, key=lambda name: -sum(name in item for item in about))


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


@dataclass(frozen=True, slots=True)
class Part:
    """A proposal on one part of the history."""

    judgement: Judgement
    false_alarms: SimulatedRate
    """Of all its rules, with shuffled labels."""


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
    dimensions = search.dimensions
    deadline = clock() + seconds
    choices = []
    for place, dimension in enumerate(dimensions):
        own = (deadline - clock()) / (len(dimensions) - place)
        told = f"{detector} on {dimension}"
        grid = candidates(detector, dimension, search.budget / len(dimensions))
        choices.append(_choose(engine, search, stretches, grid, own, clock, on_trial, told))
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
    seconds: float,
    clock: Callable[[], float],
    on_trial: Callable[[str], None],
    told: str,
) -> Choice:
    """Half of the time to see what settings find, half to see which keep within the budget."""
    dimension = grid[0].rule.dimension
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
    budget = search.budget / len(search.dimensions)
    for number, trial in enumerate(useful):
        if number and clock() - begun > seconds:
            break
        on_trial(f"{told}: false alarms")
        rule = trial.candidate.rule
        rate = simulate(engine, rule, search.since, search.split, search.shuffles, search.seed)
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
    rates = {choice.dimension: choice.false_alarms for choice in choices}
    alerts: list[Alert] = []
    before, after = [], []
    for trial in chosen:
        rule = trial.candidate.rule
        on_trial(f"{detector}: test of {rule.name}")
        alerts += replay(engine, rule, stretches, search.since, search.until).alerts
        before.append(rates[rule.dimension])
        after.append(
            simulate(engine, rule, search.split, search.until, search.shuffles, search.seed)
        )
    return (
        Part(
            judge(
                [alert for alert in alerts if alert.started < search.split],
                search.known,
                (search.split - search.since) / WEEK,
            ),
            _together(before),
        ),
        Part(
            judge(
                [alert for alert in alerts if alert.started >= search.split],
                search.unseen,
                (search.until - search.split) / WEEK,
            ),
            _together(after),
        ),
    )


def _together(rates: Sequence[SimulatedRate | None]) -> SimulatedRate:
    """Rules over the same days; a rate over none where there is no rule."""
    found = [rate for rate in rates if rate is not None]
    days = max((rate.days for rate in found), default=0.0)
    return SimulatedRate("all rules", None, sum(rate.alarms for rate in found), days)


def _rank(judgement: Judgement) -> tuple[float, ...]:
    median = judgement.median_delay
    late = float("inf") if median is None else median.total_seconds()
    return -judgement.found, judgement.alerts - judgement.meeting, late
