"""What a plot shows of a key: no peak is thinned out, no gap is bridged."""

from datetime import UTC, datetime, timedelta

from alerts.incidents import Incident, Outcome
from alerts.series import Bucket, Finding
from monitor.backtest_page.plot import LEFT, RIGHT, SHARE_HEIGHT, SHARE_TOP, WIDTH, plot
from monitor.backtest_page.traces import POINTS, Traces
from tests.unit.alerts import records

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = SINCE + timedelta(days=100)
SECONDS_A_POINT = 100 * 86_400 // POINTS


def finding(score: float, negative: int = 1, stories: int = 2) -> Finding:
    share = negative / stories if stories else 0.0
    return Finding(False, False, share, 0.0, 1.0, 0.3, 0.0, stories, negative, score)


def traced(*seen: tuple[float, Finding]) -> Traces:
    """What was seen at the ends of buckets, so many points after the beginning."""
    traces = Traces(SINCE, UNTIL)
    for points, found in seen:
        end = int(SINCE.timestamp() + points * SECONDS_A_POINT) // 300 * 300
        traces("A", Bucket(end - 300), found)
    return traces


def test_of_each_part_of_the_time_the_highest_score_is_kept() -> None:
    peak, calm = finding(9.0, 2), finding(0.5)
    traces = traced((0.1, calm), (0.4, peak), (0.8, calm), (5.2, calm), (9, finding(0, 0, 0)))
    assert [point.finding for point in traces.points("A")] == [peak, calm]
    assert traces.points("B") == []
    assert traced((-1, calm), (POINTS + 1, calm)).points("A") == []


def test_lines_end_where_there_was_no_news() -> None:
    calm = finding(0.0)
    points = traced(*((n + 0.5, calm) for n in (0, 1, 2, 50, 51))).points("A")
    alert = records.alert(started=SINCE + timedelta(days=50), resolved=None)
    incident = Incident("Fire", SINCE + timedelta(days=50), (("entity", "A"),))
    drawn = plot(
        "entity",
        "A",
        points,
        86_400,
        [(alert, True)],
        [Outcome(incident, ())],
        SINCE,
        UNTIL,
    )
    assert [len(line.share.split()) for line in drawn.lines] == [3, 2]
    assert [len(line.band.split()) for line in drawn.lines] == [6, 4]
    assert {line.expected for line in drawn.lines} == {""}
    middle = LEFT + (WIDTH - LEFT - RIGHT) / 2
    (flag,), (mark,) = drawn.alerts, drawn.incidents
    assert (flag.x, flag.x + flag.width) == (middle, WIDTH - RIGHT)
    assert (mark.x, mark.hit) == (middle, False)
    assert mark.told == "Fire, 2026-02-20: missed"
    x, y = (float(part) for part in drawn.lines[0].share.split()[0].split(","))
    assert LEFT < x < LEFT + 3
    assert y == SHARE_TOP + SHARE_HEIGHT / 2
    assert "2026-01-01" in [label for _, label in drawn.ticks]
