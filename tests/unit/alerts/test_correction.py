"""Shares corrected for a classifier's known errors."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.alert import Alert
from alerts.correction import ErrorCounts, Kind, Mix, corrected, rates_of
from alerts.fold import fold
from alerts.intervals import wilson
from alerts.messages import headline, text
from alerts.rules import ThresholdRule, rule_hash
from alerts.series import Bucket
from alerts.surroundings import Surroundings
from tests.unit.alerts.records import DAY, HOUR, START, every, message, surge, threshold

ENGLISH: Kind = ("en@1", "sentiment", "en")
CHINESE: Kind = ("zh@1", "sentiment", "zh")
GOOD = ErrorCounts(1_000, 900, 1_000, 950)
POOR = ErrorCounts(500, 300, 500, 450)
PERFECT = ErrorCounts(10**9, 10**9, 10**9, 10**9)


def test_the_share_is_rogan_and_gladens() -> None:
    rates, known = rates_of([(ENGLISH, 3)], {ENGLISH: GOOD})
    assert rates is not None and known == 1.0
    # Of 200 negative stories of 500 it calls 180 + 15 negative.
    assert corrected(195, 500, rates)[0] == pytest.approx(0.4)
    assert corrected(10, 500, rates)[0] == 0.0
    assert corrected(490, 500, rates)[0] == 1.0


def test_a_classifier_without_errors_corrects_nothing() -> None:
    rates, _ = rates_of([(ENGLISH, 1)], {ENGLISH: PERFECT})
    assert rates is not None
    share, lower, upper = corrected(30, 200, rates)
    assert share == pytest.approx(0.15)
    assert (lower, upper) == pytest.approx(wilson(30, 200), abs=0.01)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("labelled", [60, 300])
def test_the_interval_holds_the_truth_as_often_as_it_says(share: float, labelled: int) -> None:
    source = random.Random(f"{share}{labelled}")
    sensitivity, specificity, stories = 0.8, 0.9, 60

    def draw(trials: int, chance: float) -> int:
        return sum(source.random() < chance for _ in range(trials))

    seen = share * sensitivity + (1 - share) * (1 - specificity)
    held, rounds = 0, 1_500
    for _ in range(rounds):
        counts = ErrorCounts(
            labelled, draw(labelled, sensitivity), labelled, draw(labelled, specificity)
        )
        rates, _ = rates_of([(ENGLISH, 1)], {ENGLISH: counts})
        assert rates is not None
        _, lower, upper = corrected(draw(stories, seen), stories, rates)
        held += lower <= share <= upper
    assert 0.93 <= held / rounds <= 0.985


def test_rates_of_two_languages_are_weighed_by_their_articles() -> None:
    rates, _ = rates_of([(ENGLISH, 30), (CHINESE, 10)], {ENGLISH: GOOD, CHINESE: POOR})
    assert rates is not None
    assert rates.sensitivity == pytest.approx(0.75 * 0.9 + 0.25 * 0.6)
    assert rates.specificity == pytest.approx(0.75 * 0.95 + 0.25 * 0.9)
    # Both languages at 40%: the mixture is undone.
    seen = 0.75 * (0.4 * 0.9 + 0.6 * 0.05) + 0.25 * (0.4 * 0.6 + 0.6 * 0.1)
    assert corrected(round(seen * 10_000), 10_000, rates)[0] == pytest.approx(0.4, abs=1e-3)


def test_errors_that_are_known_of_too_few_correct_nothing() -> None:
    mix: Mix = ((ENGLISH, 4), (CHINESE, 6))
    assert rates_of(mix, {ENGLISH: GOOD}) == (None, 0.4)
    rates, known = rates_of(mix, {CHINESE: POOR})
    assert (rates is not None, known) == (True, 0.6)
    assert rates_of(mix, {CHINESE: ErrorCounts(0, 0, 9, 9)}) == (None, 0.0)
    assert rates_of([], {ENGLISH: GOOD}) == (None, 0.0)


def test_a_classifier_that_tells_nothing_leaves_everything_open() -> None:
    rates, _ = rates_of([(ENGLISH, 1)], {ENGLISH: ErrorCounts(20, 10, 20, 10)})
    assert rates is not None
    assert corrected(18, 20, rates) == (0.9, 0.0, 1.0)


counts = st.integers(0, 400)


@given(counts, counts, counts, counts, st.integers(1, 500), st.data())
def test_interval_and_share_are_shares_in_order(
    found: int, missed: int, passed: int, called: int, stories: int, data: st.DataObject
) -> None:
    errors = {ENGLISH: ErrorCounts(found + missed, found, passed + called, passed)}
    rates, _ = rates_of([(ENGLISH, 1)], errors)
    if rates is None:
        assert found + missed == 0 or passed + called == 0
        return
    negative = data.draw(st.integers(0, stories))
    share, lower, upper = corrected(negative, stories, rates)
    assert 0 <= lower <= share <= upper <= 1
    if (lower, upper) != (0.0, 1.0) and negative < stories:
        assert corrected(negative + 1, stories, rates)[0] >= share


def told(rule: ThresholdRule, mix: Mix, errors: dict[Kind, ErrorCounts]) -> list[Alert]:
    """What fires on a day of six stories an hour, of which four are called negative."""
    buckets = [
        Bucket(item.start, item.stories, item.articles, item.negative, item.neutral, 0, mix)
        for item in every(HOUR, 24, 4, 2)
    ]
    around = Surroundings(rule, errors=errors)
    _, transitions = fold(rule, None, "Acme", buckets, START + DAY, around=around)
    return [item.alert for item in transitions if item.event == "firing"]


def test_the_corrected_share_decides() -> None:
    mix: Mix = ((ENGLISH, 6),)
    # Two of three are called negative: three of five are, if half of the rest are called so too.
    wrong = {ENGLISH: ErrorCounts(4_000, 3_400, 4_000, 2_400)}
    assert told(threshold(share=0.55), mix, wrong)
    corrects = threshold(share=0.55, corrected_for="classifier")
    assert told(corrects, mix, wrong) == []
    (alert,) = told(threshold(share=0.4, corrected_for="classifier"), mix, wrong)[:1]
    assert alert.correction is not None
    assert alert.value == pytest.approx((4 / 6 - 0.4) / 0.45, abs=1e-5)
    assert alert.correction.apparent == pytest.approx(4 / 6, abs=1e-5)
    assert alert.lower < alert.value < alert.upper


def test_what_left_the_window_is_no_part_of_its_mix() -> None:
    rule = threshold(share=0.5, window="1h", corrected_for="classifier", min_stories=1)
    old = Bucket(START, 40, 40, 40, 0, 0, ((CHINESE, 40),))
    new = Bucket(START + 2 * HOUR, 40, 40, 40, 0, 0, ((ENGLISH, 40),))
    around = Surroundings(rule, errors={ENGLISH: GOOD, CHINESE: POOR})
    _, transitions = fold(rule, None, "Acme", [old, new], START + 2 * HOUR, around=around)
    fired = [item.alert for item in transitions if item.event == "firing"]
    assert fired and all(alert.correction is not None for alert in fired)
    state, _ = fold(rule, None, "Acme", [old, new], START + 2 * HOUR, around=around)
    assert [kind for _, kind, _ in state.detector.kinds] == [ENGLISH]  # type: ignore[union-attr]


def test_where_errors_are_unknown_the_share_is_as_it_was_read_and_says_so() -> None:
    rule = threshold(share=0.5, corrected_for="classifier")
    (alert,) = told(rule, ((ENGLISH, 6),), {})[:1]
    assert alert.correction is not None and alert.correction.sensitivity is None
    plain = told(threshold(share=0.5), (), {})[0]
    assert (alert.value, alert.lower, alert.started) == (plain.value, plain.lower, plain.started)
    shown = message(correction=alert.correction)
    assert "Corrected: not: the models' errors are known for 0% of the articles" in text(shown)
    assert "(17 of 20)" in headline(shown)


def test_a_message_says_what_was_read_and_by_what_it_was_corrected() -> None:
    (alert,) = told(
        threshold(share=0.4, corrected_for="classifier"), ((ENGLISH, 6),), {ENGLISH: GOOD}
    )[:1]
    shown = message(correction=alert.correction, value=0.72)
    assert "72% of stories on company Acme Bank are negative (17 of 20 read so)" in headline(shown)
    assert "the models find 90% of what is negative and pass 95% of the rest" in text(shown)


def test_a_rule_that_does_not_ask_for_it_has_the_hash_that_it_had() -> None:
    plain = threshold(window="7d", share=0.6, min_stories=15)
    assert rule_hash(plain) == "9079a940727b"
    assert rule_hash(plain) != rule_hash(plain.model_copy(update={"corrected_for": "classifier"}))


def test_only_a_limit_on_the_share_itself_can_be_corrected() -> None:
    with pytest.raises(ValidationError, match="corrected_for"):
        surge(corrected_for="classifier")
    with pytest.raises(ValidationError, match="classifier"):
        threshold(corrected_for="weather")
