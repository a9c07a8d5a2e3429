"""References and windows: what drift is measured on, and against."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.drift_watch import (
    ALL,
    LEAST_TEXTS,
    MAX_SOURCES,
    NOTICED_AFTER_TEXTS,
    OTHER,
    REFERENCE_TEXTS,
    WINDOW_TEXTS,
    DriftWatch,
    NamedFew,
    Observed,
    Reading,
)
from models.manifest import ModelError
from models.reference import Reference, read_reference, reference_of, write_reference
from models.scorer import Scorer

BAD, GOOD = (0.9, 0.06, 0.04), (0.1, 0.1, 0.8)


def texts(
    rows: list[tuple[float, float, float]],
    reference: Reference | None = None,
    source: str = "wire",
    model: str = "m@1",
    language: str = "en",
) -> Observed:
    sentiment: NDArray[np.float32] = np.array(rows, dtype=np.float32)
    many = len(rows)
    return Observed(
        model, reference, [language] * many, [source] * many, sentiment, [20] * many, [0] * many
    )


def find(watch: DriftWatch, source: str = ALL, statistic: str = "class") -> Reading:
    (found,) = [
        item
        for item in watch.readings()
        if (item.source, item.statistic, item.language) == (source, statistic, "en")
    ]
    return found


@pytest.fixture(scope="module")
def half_bad(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A reference of half negative and half positive texts, as it comes back from its file."""
    watch = DriftWatch()
    watch.observe(texts([BAD, GOOD] * (REFERENCE_TEXTS // 2)))
    profile = watch._languages["en"].reference
    assert profile is not None
    folder = tmp_path_factory.mktemp("model")
    write_reference(folder, Reference(languages={"en": profile}))
    found = read_reference(folder)
    assert found is not None and found.languages["en"].texts == REFERENCE_TEXTS
    return found


def test_what_stays_the_same_is_stable_and_what_changes_drifts(half_bad: Reference) -> None:
    watch = DriftWatch()
    assert watch.observe(texts([BAD, GOOD] * 150, half_bad)) == []
    before = find(watch)
    assert (before.against, before.texts) == ("model", 300)
    assert before.psi == pytest.approx(0, abs=1e-3)
    watch.observe(texts([BAD] * 900, half_bad))
    after = find(watch)
    assert after.psi is not None and after.psi > 0.25
    assert after.jensen_shannon is not None and 0 < after.jensen_shannon < 1
    assert find(watch, statistic="tokens").psi == pytest.approx(0, abs=1e-9)


def test_old_texts_fade(half_bad: Reference) -> None:
    watch = DriftWatch()
    watch.observe(texts([BAD] * 400, half_bad))
    watch.observe(texts([BAD, GOOD] * (5 * WINDOW_TEXTS), half_bad))
    assert find(watch).psi == pytest.approx(0, abs=1e-2)


def test_too_few_texts_say_nothing(half_bad: Reference) -> None:
    watch = DriftWatch()
    watch.observe(texts([BAD] * (LEAST_TEXTS - 1), half_bad))
    assert (find(watch).psi, find(watch).jensen_shannon) == (None, None)


def test_without_a_reference_the_first_texts_become_it_and_are_named_once() -> None:
    watch = DriftWatch()
    assert watch.observe(texts([BAD, GOOD] * 500)) == ["en"]
    assert watch.observe(texts([BAD, GOOD] * 500)) == []
    assert watch.readings() == []
    watch.observe(texts([BAD, GOOD] * 150))
    assert find(watch).against == "live"
    assert find(watch).psi == pytest.approx(0, abs=1e-3)


def test_another_model_begins_anew(half_bad: Reference) -> None:
    watch = DriftWatch()
    watch.observe(texts([BAD] * 300, half_bad))
    watch.observe(texts([BAD, GOOD] * 150, half_bad, model="m@2"))
    found = find(watch)
    assert (found.model, found.texts) == ("m@2", 300)
    assert found.psi == pytest.approx(0, abs=1e-3)


def test_sources_apart_and_the_rest_together(half_bad: Reference) -> None:
    watch = DriftWatch()
    for _ in range(15):
        watch.observe(texts([BAD] * NOTICED_AFTER_TEXTS, half_bad, source="gloomy"))
        watch.observe(texts([BAD, GOOD] * 10, half_bad, source="even"))
    gloomy, even = find(watch, "gloomy").psi, find(watch, "even").psi
    assert gloomy is not None and even is not None and gloomy > 0.25 > 0.1 > even
    assert find(watch, OTHER).texts < 2 * NOTICED_AFTER_TEXTS


def test_the_number_of_names_is_bounded_for_good() -> None:
    few = NamedFew(MAX_SOURCES, 2)
    names = [few.name(f"source {number % 500}") for number in range(5_000)]
    assert len(set(names) - {OTHER}) == MAX_SOURCES
    assert NamedFew(1, 1).name(ALL) == OTHER


def test_a_reference_is_made_of_scores_by_language() -> None:
    scorer = Scorer.load()
    prepared = scorer.prepare(["Shares plunge after fraud", "公司净利润大增", "☃ ጀ"])
    tokens, unknown = prepared.token_counts()
    assert tokens[0] == 6 and unknown[0] == 0
    assert unknown[2] > 0
    reference = reference_of(scorer.run(prepared), tokens, unknown)
    assert {name: item.texts for name, item in reference.languages.items()} == {"en": 2, "zh": 1}
    assert reference.languages["en"].classes[0] >= 1
    assert sum(reference.languages["zh"].confidence) == 1
    assert sum(reference.languages["en"].unknown[1:]) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "reference.json"),
        ('{"format": 9, "languages": {}}', "format 9"),
        (
            '{"languages": {"en": {"texts": 1, "classes": [1, 2], "confidence": [], "tokens": [],'
            ' "unknown": []}}}',
            "en.class is no histogram of 3 counts",
        ),
    ],
)
def test_a_broken_reference_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    assert read_reference(tmp_path) is None
    (tmp_path / "reference.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=message):
        read_reference(tmp_path)
