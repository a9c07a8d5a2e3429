"""The fold: what fires, when it ends, and that it is the same however the buckets are dealt out."""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.detectors.surge import SurgeDetector
from alerts.fold import KeyState, Transition, fold
from alerts.rules import AnyRule, rule_hash
from alerts.series import BUCKET_SECONDS, Bucket
from tests.unit.alerts.records import (
    DAY,
    HOUR,
    START,
    bucket,
    critical,
    cusum,
    every,
    surge,
    threshold,
    volume,
)

ACTIVE = [
    threshold(window="1h", min_stories=3, cooldown="30m"),
    threshold(window="30m", min_stories=2, for_buckets=3, cooldown="0m", leave=0.2),
    surge(window="1h", baseline="4h", probability=0.01, min_negative=2, min_stories=2),
    surge(window="30m", baseline="1h", probability=0.05, min_negative=1, min_stories=1,
          cooldown="10m", for_buckets=2, prior_negative=0.1),
    cusum(window="30m", baseline="2h", run_length=50, min_stories=2, cooldown="0m", burst="20m"),
    surge(window="1h", baseline="4h", false_alarms="100 per day", min_negative=2, min_stories=2),
    volume(window="30m", baseline="2h", probability=0.05, min_negative=1, min_stories=1,
           cooldown="0m", prior_negative=0.2),
    cusum(window="1h", usual=0.2, run_length=50, min_stories=1, correlation=0, for_buckets=2),
]  # fmt: skip


def run(
    rule: AnyRule,
    buckets: Sequence[Bucket],
    through: int | None = None,
    watched_since: int | None = None,
) -> list[Transition]:
    last = buckets[-1].start if through is None else through
    return fold(rule, None, "Acme", buckets, last, watched_since)[1]


def moments(transitions: Sequence[Transition]) -> list[tuple[str, int]]:
    """(event, seconds from START to the end of the bucket)."""
    return [(item.event, item.bucket + BUCKET_SECONDS - START) for item in transitions]


def test_threshold_fires_when_the_lower_bound_passes_and_names_its_evidence() -> None:
    rule = threshold(window="1h", min_stories=4)
    found = run(rule, list(every(BUCKET_SECONDS, 6, negative=1, other=0)))
    # Wilson's lower bound of 4 of 4 is 0.5101, of 3 of 3 it is 0.4385.
    assert moments(found) == [("firing", 4 * BUCKET_SECONDS)]
    alert = found[0].alert
    assert alert.started == datetime.fromtimestamp(START + 4 * BUCKET_SECONDS, UTC)
    assert (alert.negative, alert.stories, alert.value) == (4, 4, 1.0)
    assert alert.lower == pytest.approx(0.5101, abs=1e-4)
    assert (alert.baseline, alert.window_seconds) == (0.5, HOUR)
    assert (alert.state, alert.rule_hash) == ("firing", rule_hash(rule))


def test_threshold_wants_enough_stories() -> None:
    buckets = list(every(BUCKET_SECONDS, 6, negative=1, other=0))
    assert run(threshold(window="1h", min_stories=7), buckets) == []


def test_a_share_that_may_be_chance_does_not_fire() -> None:
    assert run(threshold(window="1h", min_stories=4), [bucket(START, 6, 4)]) == []


def test_hysteresis_the_alert_ends_below_leave_and_not_before() -> None:
    rule = threshold(window="1h", min_stories=4, leave=0.3)
    buckets = [bucket(START, 10, 0), bucket(START + 300, 0, 20), bucket(START + 600, 0, 6)]
    found = run(rule, buckets)
    # 10 of 30 is below the limit of a half but not below 0.3; 10 of 36 is.
    assert moments(found) == [("firing", 300), ("resolved", 900)]
    assert found[1].alert.resolved == datetime.fromtimestamp(START + 900, UTC)
    assert found[1].alert.id == found[0].alert.id
    assert found[1].alert.negative == 10, "the evidence is that of the first bucket"


def test_an_alert_ends_by_silence_alone_at_the_very_bucket() -> None:
    rule = threshold(window="1h", min_stories=4)
    found = run(rule, [bucket(START, 10, 0)], through=START + 30 * DAY)
    assert moments(found) == [("firing", 300), ("resolved", HOUR + 300)]


def test_for_buckets_holds_the_alert_back_until_it_lasts() -> None:
    rule = threshold(window="1h", min_stories=4, for_buckets=3)
    assert run(rule, [bucket(START, 10, 0)]) == []
    assert run(rule, [bucket(START, 10, 0), bucket(START + 300, 0, 40)], START + DAY) == []
    found = run(rule, [bucket(START, 10, 0)], through=START + DAY)
    assert moments(found)[0] == ("firing", 900)
    assert found[0].alert.started == datetime.fromtimestamp(START + 300, UTC)


def test_for_buckets_counts_in_a_row_and_begins_anew_after_a_gap() -> None:
    rule = threshold(window="5m", min_stories=4, for_buckets=3)
    gaps = [bucket(START + place * 300, 10, 0) for place in (0, 2, 4, 5, 7)]
    assert run(rule, gaps) == []
    found = run(rule, [*gaps, bucket(START + 8 * 300, 10, 0), bucket(START + 9 * 300, 10, 0)])
    assert moments(found) == [("firing", 10 * 300)]
    assert found[0].alert.started == datetime.fromtimestamp(START + 8 * 300, UTC)


def test_cooldown_keeps_a_flapping_key_quiet_and_then_lets_it_fire_again() -> None:
    flapping = [
        bucket(START + hour * HOUR + minute * 60, *((0, 9) if hour % 2 else (6, 0)))
        for hour in range(12)
        for minute in (0, 30)
    ]
    often = run(threshold(window="1h", min_stories=4, cooldown="0m"), flapping)
    seldom = run(threshold(window="1h", min_stories=4, cooldown="4h"), flapping)
    assert [item.event for item in often] == ["firing", "resolved"] * 6
    starts = [item.alert.started.timestamp() for item in seldom if item.event == "firing"]
    ends = [item.bucket for item in seldom if item.event == "resolved"]
    assert len(starts) == 2
    assert starts[1] - ends[0] >= 4 * HOUR


def test_critical_fires_on_one_story_and_ends_when_the_window_holds_none() -> None:
    found = run(
        critical(window="24h"), [bucket(START, 1), bucket(START + HOUR, 1)], START + 3 * DAY
    )
    assert moments(found) == [("firing", 300), ("resolved", 25 * HOUR + 300)]
    assert (found[0].alert.stories, found[0].alert.baseline) == (1, 0.9)


def calm_weeks(weeks: int = 3) -> list[Bucket]:
    """Six stories a day, one or two of them negative, at odd times."""
    source = random.Random(7)
    found = []
    for part in range(weeks * 7 * 6):
        start = START + part * 4 * HOUR + source.randrange(24) * BUCKET_SECONDS
        negative = source.random() < 0.25
        found.append(bucket(start, int(negative), int(not negative)))
    return found


def test_surge_is_silent_on_its_usual_and_fires_on_a_turn_of_tone() -> None:
    rule = surge(window="24h")
    calm = calm_weeks()
    assert run(rule, calm, START + 22 * DAY) == []
    turn = list(every(2 * HOUR, 12, negative=1, other=0, start=START + 22 * DAY))
    found = run(rule, calm + turn)
    assert [item.event for item in found] == ["firing"]
    alert = found[0].alert
    assert 0.15 < alert.baseline < 0.4
    assert alert.value > alert.baseline
    assert 0.5 < alert.expected_negative < 3


def test_surge_catches_a_burst_of_a_key_that_is_hardly_ever_in_the_news() -> None:
    """0.2 negative stories in three days, then twelve in one."""
    rule = surge(window="24h", baseline="28d", min_stories=4)
    quiet = list(every(15 * DAY, 3, negative=1, other=2))
    start = START + 40 * DAY
    burst = list(every(2 * HOUR, 12, negative=1, other=1, start=start))
    found = run(rule, quiet + burst)
    assert [item.event for item in found] == ["firing"]
    alert = found[0].alert
    assert alert.expected_negative < 0.3
    assert alert.negative <= 10, "it need not wait for the last"


def test_surge_takes_known_silence_for_an_answer() -> None:
    """A watched company that was never in the news: the share of its first stories says little, the
    silence before them much."""
    rule = surge(window="24h", min_stories=4)
    burst = list(every(HOUR, 8, negative=2, other=1))
    assert run(rule, burst[:6]) == []
    assert [item.event for item in run(rule, burst[:6], None, START - 30 * DAY)] == ["firing"]


def test_surge_is_no_alarm_at_more_news_of_the_usual_tone() -> None:
    busy = list(every(HOUR, 24, negative=2, other=6, start=START + 22 * DAY))
    assert run(surge(window="24h"), calm_weeks() + busy) == []


def test_surge_for_the_tone_alone_is_silent_on_much_news_of_hardly_worse_tone() -> None:
    """Six times as many stories as ever in a day, two of seven negative for one of four."""
    calm, turned = calm_weeks(), START + 22 * DAY
    burst = [bucket(turned + n * 900, int(n % 7 < 2), int(n % 7 >= 2)) for n in range(40)]
    worse = list(every(900, 40, negative=1, other=0, start=turned))
    for ask, told in (("both", ["firing"]), ("tone", [])):
        rule = surge(window="24h", ask=ask)
        assert [item.event for item in run(rule, calm + burst)] == told
        assert [item.event for item in run(rule, calm + worse)] == ["firing"]


def test_one_question_has_the_whole_probability() -> None:
    turn = list(every(2 * HOUR, 8, negative=1, other=0, start=START + 22 * DAY))
    # The usual number moves so much that only the tone can tell.
    scores = [
        run(
            surge(window="24h", ask=ask, probability=0.01, volume_variation=2.0),
            calm_weeks() + turn,
        )[0].alert.score
        for ask in ("both", "tone")
    ]
    assert scores[1] - scores[0] == pytest.approx(math.log10(2), abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_surge_is_silent_on_a_new_busy_key(seed: int) -> None:
    """No prior knows how much news a new key has: the first days are no burst."""
    source = random.Random(seed)
    buckets = []
    for start in range(START, START + 6 * DAY, BUCKET_SECONDS):
        negative = sum(source.random() < 0.33 for _ in range(3))
        buckets.append(bucket(start, negative, 3 - negative))
    assert run(surge(window="24h"), buckets) == []


def test_surge_does_not_learn_the_crisis_while_its_alert_is_open() -> None:
    rule = surge(window="24h", baseline="14d")
    calm = calm_weeks(6)
    crisis = list(every(HOUR, 5 * 24, negative=3, other=0, start=START + 43 * DAY))
    state, found = fold(rule, None, "Acme", calm + crisis, crisis[-1].start)
    assert [item.event for item in found] == ["firing"]
    detector = state.detector
    assert isinstance(detector, SurgeDetector)
    assert detector.negative / detector.stories < 0.35


def test_surge_takes_a_new_normal_in_after_a_baseline_at_most() -> None:
    rule = surge(window="24h", baseline="7d")
    calm = calm_weeks(6)
    normal = list(every(HOUR, 60 * 24, negative=3, other=0, start=START + 43 * DAY))
    found = run(rule, calm + normal)
    assert [item.event for item in found] == ["firing", "resolved"]
    assert found[1].bucket < START + (43 + 30) * DAY


def test_buckets_out_of_order_are_a_bug_that_is_named() -> None:
    rule = threshold()
    with pytest.raises(ValueError, match="was folded"):
        run(rule, [bucket(START + 300, 1), bucket(START, 1)], START + DAY)
    state, _ = fold(rule, None, "Acme", [bucket(START, 1)], START + DAY)
    with pytest.raises(ValueError, match="was folded"):
        fold(rule, state, "Acme", [bucket(START + HOUR, 1)], START + 2 * DAY)


def test_a_state_of_another_detector_is_refused() -> None:
    state, _ = fold(threshold(), None, "Acme", [bucket(START, 1)], START)
    with pytest.raises(TypeError, match="surge"):
        fold(surge(), state, "Acme", [bucket(START + 300, 1)], START + 300)


def test_buckets_beyond_the_end_are_left_for_later() -> None:
    rule = threshold(window="1h", min_stories=4)
    buckets = [bucket(START, 10, 0), bucket(START + HOUR, 0, 90)]
    state, found = fold(rule, None, "Acme", buckets, START + 600)
    assert moments(found) == [("firing", 300)]
    _, more = fold(rule, state, "Acme", buckets[1:], START + HOUR)
    assert moments(found + more) == moments(run(rule, buckets))


def test_half_a_million_idle_buckets_cost_nothing() -> None:
    far = START + 500_000 * BUCKET_SECONDS
    state, _ = fold(surge(), None, "Acme", [bucket(START, 1), bucket(far, 1)], far)
    assert state.bucket == far
    assert isinstance(state.detector, SurgeDetector)
    assert state.detector.negative < 1e-9, "and the memory has faded over the gap"


# Ten hours of buckets: which hold something, and what.
series = st.lists(
    st.tuples(st.integers(0, 119), st.integers(0, 4), st.integers(0, 3)), max_size=60
).map(
    lambda rows: [
        bucket(START + place * BUCKET_SECONDS, negative, other)
        for place, (negative, other) in sorted(
            {place: (negative, other) for place, negative, other in rows}.items()
        )
        if negative + other
    ]
)


@pytest.mark.parametrize("rule", ACTIVE, ids=lambda rule: f"{rule.detector}-{rule.window}")
@settings(max_examples=150, deadline=None)
@given(buckets=series, cuts=st.sets(st.integers(0, 139), max_size=12))
def test_any_split_and_any_restart_give_the_same_transitions_and_state(
    rule: AnyRule, buckets: list[Bucket], cuts: set[int]
) -> None:
    end = START + 140 * BUCKET_SECONDS
    at_once, expected = fold(rule, None, "Acme", buckets, end)
    state: KeyState | None = None
    found: list[Transition] = []
    last = START - BUCKET_SECONDS
    for through in [*(START + cut * BUCKET_SECONDS for cut in sorted(cuts)), end]:
        part = [item for item in buckets if last < item.start <= through]
        state, some = fold(rule, state, "Acme", part, through)
        found += some
        state = msgspec.json.decode(msgspec.json.encode(state), type=KeyState)
        last = through
    assert found == expected
    assert msgspec.json.encode(state) == msgspec.json.encode(at_once)


@pytest.mark.parametrize("rule", ACTIVE, ids=lambda rule: f"{rule.detector}-{rule.window}")
@settings(max_examples=100, deadline=None)
@given(buckets=series)
def test_a_key_has_one_alert_at_a_time_in_order_and_with_sound_figures(
    rule: AnyRule, buckets: list[Bucket]
) -> None:
    found = run(rule, buckets, START + 400 * BUCKET_SECONDS)
    events = [item.event for item in found]
    assert events == ["firing", "resolved"] * (len(events) // 2), "silence ends the last one too"
    assert [item.bucket for item in found] == sorted(item.bucket for item in found)
    for fired, ended in zip(found[::2], found[1::2], strict=True):
        assert fired.alert.id == ended.alert.id
        assert ended.alert.resolved is not None
        assert fired.alert.started < ended.alert.resolved
        assert 0 <= fired.alert.lower <= fired.alert.value <= fired.alert.upper <= 1
        assert rule.min_stories <= fired.alert.stories
        inside = [
            item
            for item in buckets
            if fired.bucket + BUCKET_SECONDS - rule.window <= item.start <= fired.bucket
        ]
        assert sum(item.stories for item in inside) == fired.alert.stories
        assert sum(item.negative for item in inside) == fired.alert.negative
    assert len({item.alert.id for item in found}) * 2 == len(found)


def test_the_defaults_of_a_pooled_prior_are_sound_at_the_edges() -> None:
    for prior_share in (0.001, 0.999):
        rule = surge(
            prior_share=prior_share, prior_stories=0.001, share_variation=0.3, volume_variation=2
        )
        run(rule, [bucket(START, 1_000), bucket(START + 5 * DAY, 1_000, 1)], START + 20 * DAY)
