"""Parts that do not know each other."""

from collections import Counter

from models.training.examples import Example, fingerprint, split, without
from models.training.splitting import hold_out, near_duplicate_groups, without_near

STORY = "Nordkyst Bank cuts its full-year forecast after loan losses double in the third quarter"


def _example(text: str, sentiment: str = "neutral") -> Example:
    return Example(text, sentiment, None, "en")  # type: ignore[arg-type]


def test_copies_never_cross_a_split() -> None:
    copies = [_example(text) for text in ("Profit up!", "profit UP https://t.co/x")]
    assert fingerprint(copies[0].text) == fingerprint(copies[1].text)
    assert sorted(len(part) for part in split(copies)) == [0, 0, 2]
    assert without(copies, copies[:1]) == []


def test_near_copies_share_a_group() -> None:
    groups = near_duplicate_groups(
        [STORY, f"UPDATE 1: {STORY}", "Oil rises on supply fears", "盈利"]
    )
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3


def test_near_copies_of_what_is_held_out_leave_the_training_part() -> None:
    kept = without_near([_example(f"{STORY}, it says"), _example("Oil rises")], [_example(STORY)])
    assert [example.text for example in kept] == ["Oil rises"]


def test_a_tenth_is_held_out_by_class_and_near_copies_stay_together() -> None:
    words = ["oil", "gold", "bank", "steel", "rail", "port", "wind", "corn", "fish", "wool"]
    examples = [
        _example(f"{a} {b} {c} {'rises' if number % 2 else 'falls'}", label)
        for number, (a, b, c) in enumerate((a, b, c) for a in words for b in words for c in words)
        for label in (["negative", "positive"][number % 2],)
    ]
    copies = [_example(f"{STORY} {number}", "neutral") for number in range(60)]
    train, held = hold_out([*examples, *copies], seed=1)
    assert len(train) + len(held) == len(examples) + len(copies)
    counts = Counter(example.sentiment for example in held)
    assert abs(counts["negative"] - counts["positive"]) < 30
    assert counts["neutral"] in (0, 60)
    assert hold_out([*examples, *copies], seed=1) == (train, held)
