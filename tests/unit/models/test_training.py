"""Training for real, on very little."""

import json
from pathlib import Path

import pytest

from models.loading import load_network
from models.manifest import ModelError
from models.training.examples import (
    Example,
    LabelledDataError,
    fingerprint,
    read_labelled,
    split,
    without,
)
from models.training.fit import Schedule
from models.training.recipes import RECIPES
from models.training.run import TrainingPlan, train

BAD = [f"{name} collapses, losses mount and shares plunge" for name in "ABCDEFGHIJ"]
GOOD = [f"{name} soars on record profit and raised outlook" for name in "ABCDEFGHIJ"]
EXAMPLES = [
    *(Example(text, "negative", frozenset({"credit"}), "en") for text in BAD),
    *(Example(text, "positive", frozenset({"earnings"}), "en") for text in GOOD),
]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_model_learns_is_written_and_loads(tmp_path: Path, method: str) -> None:
    recipe = RECIPES["en"]
    plan = TrainingPlan(
        name="tiny",
        languages=("en",),
        base=recipe.base,
        base_path=None,
        pooling=recipe.pooling,
        method=method,
        schedule=Schedule(
            learning_rate=1e-3 if method == "lora" else 1e-4, epochs=4, batch_size=4, max_tokens=24
        ),
        train=EXAMPLES[2:18],
        valid=[*EXAMPLES[:2], *EXAMPLES[18:]],
        sources=(),
        command="test",
    )
    output = tmp_path / "model"
    manifest = train(plan, output)
    assert manifest.metrics["valid"]["sentiment_f1"] > 0.6
    found, network, _ = load_network(output)
    assert found.identifier == manifest.identifier
    assert not network.training
    with pytest.raises(ModelError, match="not empty"):
        train(plan, output)


def test_copies_never_cross_a_split() -> None:
    copies = [
        Example(text, "neutral", None, "en") for text in ("Profit up!", "profit UP https://t.co/x")
    ]
    assert fingerprint(copies[0].text) == fingerprint(copies[1].text)
    assert sorted(len(part) for part in split(copies)) == [0, 0, 2]
    assert without(copies, copies[:1]) == []


def test_labelled_rows_that_cannot_be_read_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    rows = [{"text": "a", "sentiment": "bullish"}, {"text": "b", "sentiment": "angry"}]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    with pytest.raises(LabelledDataError, match=r"labels\.jsonl:2: sentiment 'angry'"):
        read_labelled(path)
    path.write_text(json.dumps({"text": "a", "topics": ["weather"]}), encoding="utf-8")
    with pytest.raises(LabelledDataError, match="unknown topic 'weather'"):
        read_labelled(path)
