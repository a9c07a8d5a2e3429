"""Marks of dead letters on both databases: each letter is claimed once."""

import threading
from datetime import UTC, datetime

from sqlalchemy import Engine

from monitor.store.dead_letters import claim, drop, mark_replayed, marked

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_letter_is_claimed_once_unless_it_is_asked_for_again(engine: Engine) -> None:
    assert marked(engine) == {}
    assert claim(engine, "a", NOW, again=False)
    assert marked(engine) == {"a": "replaying"}
    assert not claim(engine, "a", NOW, again=False)
    mark_replayed(engine, ["a"], NOW)
    assert marked(engine) == {"a": "replayed"}
    assert not claim(engine, "a", NOW, again=False)
    assert claim(engine, "a", NOW, again=True)
    assert marked(engine) == {"a": "replaying"}


def test_a_dropped_letter_is_not_claimed(engine: Engine) -> None:
    drop(engine, ["a", "b"], NOW)
    assert not claim(engine, "a", NOW, again=False)
    mark_replayed(engine, ["c"], NOW)
    drop(engine, ["b"], NOW)
    assert marked(engine) == {"a": "dropped", "b": "dropped"}


def test_of_many_who_replay_at_once_one_gets_each_letter(engine: Engine) -> None:
    letters = [f"letter {number}" for number in range(20)]
    claimed: list[str] = []

    def work() -> None:
        for name in letters:
            if claim(engine, name, NOW, again=False):
                claimed.append(name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(letters)
