"""A whole report of the bundled models, and its page."""

import json
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from models.evaluation.page import page
from models.evaluation.report import Report, report
from models.scorer import Scorer
from models.training.examples import Example

WHOLE = [
    ("Bank collapses after fraud, shares plunge", "negative"),
    ("Profit doubles and the outlook is raised", "positive"),
    ("The annual meeting is on 3 May", "neutral"),
    ("公司净利润大增，股价涨停", "positive"),
    ("某公司被证监会立案调查，股价跌停", "negative"),
]
NASTY = "<script>alert(1)</script> & 'Co'"


@pytest.fixture(scope="module")
def reports() -> list[Report]:
    examples = [
        *(Example(text, label, frozenset({"legal"}), "zh" if place > 2 else "en", source=NASTY)  # type: ignore[arg-type]
          for place, (text, label) in enumerate(WHOLE)),
        Example("Acme soars on record profit, while Bolt collapses", "positive", None, "en",
                company="Acme", source="Wire"),
        Example("Acme soars on record profit, while Bolt collapses", "negative", None, "en",
                company="Bolt", source="Wire"),
    ]  # fmt: skip
    models = {
        "bundled": Scorer.load(),
        "<b>": Scorer.load({"en": "bundled:zh", "zh": "bundled:zh"}),
    }
    return report("set <i>", examples, models, by=("source", "language"), with_baselines=True)


def test_each_task_and_model_has_its_report(reports: list[Report]) -> None:
    assert [(item.figures.task, item.model) for item in reports] == [
        ("sentiment", "bundled"), ("sentiment", "<b>"), ("topics", "bundled"), ("topics", "<b>"),
        ("company", "bundled"), ("company", "<b>"),
    ]  # fmt: skip
    assert [item.comparison is not None for item in reports] == [False, True] * 3
    first = reports[0]
    assert first.figures.accuracy >= 0.8
    assert {(item.by, item.value): item.figures.texts for item in first.slices} == {
        ("source", NASTY): 5, ("language", "en"): 3, ("language", "zh"): 2,
    }  # fmt: skip
    assert any("legal is the set's only class" in note for note in reports[2].notes)


def test_a_company_is_scored_for_itself_beside_the_whole_text(reports: list[Report]) -> None:
    asked = reports[4]
    assert asked.figures.accuracy == 1.0
    whole = asked.baselines[0]
    # Told no company, the model says the same of both, and is right about one at most.
    assert whole.name == "whole text" and whole.figures.accuracy <= 0.5


def test_json_holds_the_documented_keys(reports: list[Report]) -> None:
    row = json.loads(json.dumps(reports[1].as_json(), ensure_ascii=False))
    assert row.keys() == {
        "set", "model", "models", "task", "texts", "accuracy", "micro", "macro", "weighted",
        "classes", "confusion", "calibration_error", "calibration_over", "reliability",
        "intervals", "negative_or_not", "baselines", "slices", "comparison", "notes",
    }  # fmt: skip
    assert {"p", "verdict", "only_a_right", "macro_f1_interval"} <= row["comparison"].keys()
    assert {"name", "how", "accuracy", "macro"} <= row["baselines"][0].keys()
    assert {"by", "value", "accuracy", "macro"} <= row["slices"][0].keys()


def test_sets_without_sources_say_so() -> None:
    examples = [Example("Profit doubles", "positive", None, "en")]
    (item,) = report("set", examples, {"bundled": Scorer.load()}, by=("source",))
    assert item.notes == (
        "positive is the set's only class here: recall says something,"
        " precision and averages do not",
        "no text names its source: no figures by source",
    )


def test_the_page_escapes_what_it_shows_and_loads_nothing(reports: list[Report]) -> None:
    text = page(reports)
    found: list[tuple[str, dict[str, str | None]]] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Tags().feed(text)
    names = {tag for tag, _ in found}
    assert not names & {"script", "link", "img", "iframe", "i"}
    assert not any("src" in attributes or "href" in attributes for _, attributes in found)
    # Only the brand is in bold: the model that is called <b> is text.
    assert sum(tag == "b" for tag, _ in found) == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert reports[1].comparison is not None
    plots = [part.split("</svg>")[0] + "</svg>" for part in text.split("<svg")[1:]]
    # Bars and reliability of three tasks; confusion of two tasks for two models.
    assert len(plots) == 10
    for plot in plots:
        ElementTree.fromstring("<svg" + plot)
