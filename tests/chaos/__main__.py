"""`make chaos`: an undisturbed run, a disturbed one, and how they differ.

Settings are environment variables: CHAOS_SEED, CHAOS_FAULTS, CHAOS_ARTICLES, CHAOS_GAP_SECONDS,
CHAOS_KINDS (a comma between them), CHAOS_SHRINK=1 to look for a small schedule that fails,
CHAOS_MUTANTS=0 to leave out the roles that lack a guarantee: the suite must see each of them.
Exits with 1 where the runs differ, or a mutant's do not.
"""

import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tests.chaos.mutants import MUTANTS
from tests.chaos.outcome import Outcome, differences, summary
from tests.chaos.run import MODULE, NotFinished, Report, run
from tests.chaos.schedule import Fault, draw
from tests.chaos.shrinking import shrink
from tests.chaos.world import Servers, Stream, servers
from tests.paths import SHARED

BROKERS = 3
MUTANT_ARTICLES = 1_500
MUTANT_ARCHIVES = ("flash-2026",)
"""An even stream: no process is idle for long when a fault strikes it."""


def main() -> int:
    if SHARED is None:
        _say("make chaos needs Kafka and archives of news: set UNDERTONE_SHARED to their folder")
        return 2
    seed = int(os.environ.get("CHAOS_SEED") or time.time())
    count = int(os.environ.get("CHAOS_FAULTS", "200"))
    articles = int(os.environ.get("CHAOS_ARTICLES", "50000"))
    gap = float(os.environ.get("CHAOS_GAP_SECONDS", "5"))
    kinds = [name for name in os.environ.get("CHAOS_KINDS", "").split(",") if name]
    mutants = os.environ.get("CHAOS_MUTANTS", "1") != "0"
    faults = draw(seed, count, gap, kinds)
    _say(f"seed {seed}: {count} faults over {articles} articles")
    with tempfile.TemporaryDirectory(prefix="undertone-chaos-") as name:
        folder = Path(name)
        with servers(folder, BROKERS) as found:
            calm = run(found, Stream.of(articles, 0), folder / "calm", []).outcome
            _say(f"undisturbed: {json.dumps(summary(calm))}")
            stream = Stream.of(articles, faults[-1].at_seconds)
            problems, report = _disturbed(found, stream, folder / "disturbed", faults, calm)
            if report:
                _tell(report, faults)
            if problems and os.environ.get("CHAOS_SHRINK"):
                _shrink(found, stream, folder, faults, calm)
            unseen = _unseen_mutants(found, folder) if mutants else []
    for problem in problems:
        _say(f"differs: {problem}")
    _say(f"seed {seed}: " + ("the runs differ" if problems else "the runs are equal"))
    return 1 if problems or unseen else 0


def _unseen_mutants(found: Servers, folder: Path) -> list[str]:
    """Those whose runs are equal to an undisturbed one."""
    calm = run(
        found, Stream.of(MUTANT_ARTICLES, 0, MUTANT_ARCHIVES), folder / "calm-before-mutants", []
    ).outcome
    unseen = []
    for number, (name, mutant) in enumerate(MUTANTS.items()):
        os.environ["CHAOS_MUTANT"] = name
        seconds = mutant.faults[-1].at_seconds + mutant.faults[-1].lasts_seconds
        stream = Stream.of(MUTANT_ARTICLES, seconds, MUTANT_ARCHIVES)
        place, module = folder / f"mutant{number}", "tests.chaos.mutants"
        problems, _ = _disturbed(found, stream, place, mutant.faults, calm, module)
        seen = [problem for problem in problems if mutant.seen_as in problem]
        _say(f"mutant, {name}: " + (f"seen, {seen[0]}" if seen else f"not seen: {problems}"))
        if not seen:
            unseen.append(name)
    return unseen


def _disturbed(
    found: Servers,
    stream: Stream,
    folder: Path,
    faults: Sequence[Fault],
    calm: Outcome,
    module: str = MODULE,
) -> tuple[list[str], Report | None]:
    try:
        report = run(found, stream, folder, faults, module, _say)
    except NotFinished as error:
        return [str(error)], None
    problems = differences(report.outcome, calm)
    problems += [f"a role ended by itself: {end}" for end in report.unasked_ends]
    problems += [f"after SIGTERM: {end}" for end in report.bad_drains]
    return problems, report


def _shrink(
    found: Servers, stream: Stream, folder: Path, faults: Sequence[Fault], calm: Outcome
) -> None:
    tried = 0

    def fails(part: Sequence[Fault]) -> bool:
        nonlocal tried
        tried += 1
        problems, _ = _disturbed(found, stream, folder / f"shrunk{tried}", part, calm)
        return bool(problems)

    _say("the smallest schedule found that fails:")
    for fault in shrink(faults, fails):
        _say(f"  {fault}")


def _tell(report: Report, faults: Sequence[Fault]) -> None:
    _say(f"disturbed: {json.dumps(summary(report.outcome))} in {report.seconds:.0f} s")
    _say("| fault | times | stored again after, median s | longest s |")
    _say("|---|---|---|---|")
    for kind, times in sorted(Counter(fault.kind for fault in faults).items()):
        taken = [seconds for name, seconds in report.recoveries_seconds if name == kind]
        shown = f"{median(taken):.1f} | {max(taken):.1f}" if taken else "- | -"
        absent = report.struck.impossible.count(kind)
        _say(f"| {kind} | {times - absent} | {shown} |")
    drains = ", ".join(f"{name} {taken:.1f}" for name, taken in report.drains_seconds.items())
    _say(f"longest from SIGTERM to the end, s: {drains}")
    if report.struck.impossible:
        _say(f"not possible on this machine: {dict(Counter(report.struck.impossible))}")
    if report.unasked_ends:
        _say(f"roles that ended of themselves: {dict(Counter(report.unasked_ends))}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
