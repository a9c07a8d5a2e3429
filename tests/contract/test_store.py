"""One contract for both databases."""

from datetime import timedelta

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text, update

from monitor.failures import Unavailable, UsageError
from monitor.store import leases, many
from monitor.store.claims import adopt_bus
from monitor.store.engine import open_store
from monitor.store.ingestion import Advance, Overtaken, apply, positions, watermarks
from monitor.store.model_tables import metadata
from monitor.store.readers import articles_between, series, tally_rows, worst_stories
from monitor.store.schema import articles, tallies
from tests.unit.monitor.stories_data import START, scored


def advance(first: int, count: int, minutes: int | None = None) -> Advance:
    mark = None if minutes is None else START + timedelta(minutes=minutes)
    return Advance("aggregate", ("scored", 0), first, first + count, mark, mark)


def rows(engine: Engine) -> list[tuple[object, ...]]:
    return [
        (row.dimension, row.key, row.bucket, row.stories, row.articles, row.negative)
        for row in tally_rows(engine)
    ]


def test_migrations_make_what_the_schema_says(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_the_last_alert_that_fired_is_found_by_index(engine: Engine) -> None:
    """It is asked for whenever a correction is counted, while others wait to count."""
    query = "SELECT max(fired) FROM alerts"
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            # Few rows are read faster without any index.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = connection.execute(text(f"EXPLAIN {query}"))
        else:
            plan = connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))
        assert "alerts_by_fired" in str(plan.all())


def test_a_batch_counts_once(engine: Engine) -> None:
    events = [scored("a"), scored("b", "Profit rises", negative=0.1)]
    first = apply(engine, events, advance(0, 2))
    before = rows(engine)
    again = apply(engine, events, advance(2, 2))
    assert (first.inserted, again.inserted, again.duplicates) == (2, 0, 2)
    assert rows(engine) == before
    assert ("all", "all", START, 2, 2, 1) in before


@pytest.mark.parametrize("max_bytes", [many.MAX_BYTES, 100])
def test_any_text_is_stored_as_it_came(
    engine: Engine, max_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where rows go in several parts."""
    monkeypatch.setattr(many, "MAX_BYTES", max_bytes)
    texts = [
        '{"a": [1]}',
        "\\n \\u0041 \\",
        "NULL",
        "",
        "a\nb\tc\x01",
        "'\"$1 %s :x",
        "银行 🏦 e\u0301",
    ]
    events = [scored(str(number), f"{number}{text}") for number, text in enumerate(texts)]
    apply(engine, events, None)
    with engine.connect() as connection:
        stored = connection.execute(
            select(articles.c.title, articles.c.published, articles.c.revised).order_by("id")
        )
        assert stored.all() == [(event.article.title, START, None) for event in events]
    assert ("all", "all", START, len(texts), len(texts), len(texts)) in rows(engine)


def test_an_overtaken_batch_changes_nothing(engine: Engine) -> None:
    apply(engine, [scored("a")], advance(0, 5))
    before = rows(engine)
    with pytest.raises(Overtaken):
        apply(engine, [scored("b", "Another")], advance(3, 1))
    assert rows(engine) == before
    assert positions(engine, "aggregate", [("scored", 0)]) == {("scored", 0): 5}


def test_a_correction_moves_the_counts(engine: Engine) -> None:
    apply(engine, [scored("a")], None)
    corrected = scored("a", "Bank is sound", negative=0.1, topics=("banks",), seen_hours=1)
    assert apply(engine, [corrected], None).corrected == 1
    assert ("all", "all", START, 1, 1, 0) in rows(engine)
    assert not [row for row in rows(engine) if row[1] == "credit"]
    assert apply(engine, [scored("a")], None).duplicates == 1


OWN = {"Aldi": (0.1, 0.2, 0.7), "Tesco": (0.8, 0.1, 0.1)}


def test_a_company_counts_with_its_own_sentiment_and_a_correction_takes_it_back(
    engine: Engine,
) -> None:
    both = ("Aldi", "Tesco")
    apply(engine, [scored("a", negative=0.6, entities=both, companies=OWN)], None)
    own = [row for row in rows(engine) if row[0] == "entity"]
    assert own == [("entity", "Aldi", START, 1, 1, 0), ("entity", "Tesco", START, 1, 1, 1)]
    turned = {"Aldi": (0.9, 0.1, 0.0)}
    corrected = scored("a", "Bank is sound", 0, negative=0.1, seen_hours=1, companies=turned)
    corrected = msgspec.structs.replace(corrected, entities=("Aldi",))
    assert apply(engine, [corrected], None).corrected == 1
    assert [row for row in rows(engine) if row[0] == "entity"] == [
        ("entity", "Aldi", START, 1, 1, 1)
    ]
    with engine.connect() as connection:
        sums = select(tallies.c.negative_sum).where(tallies.c.dimension == "entity")
        assert sorted(connection.execute(sums).scalars()) == [0, 9_000]


def test_a_theme_counts_with_the_article_and_a_correction_takes_it_back(engine: Engine) -> None:
    told = msgspec.structs.replace(scored("a", entities=()), themes=("Iran", '"Quoted" sea'))
    apply(engine, [told, scored("b", "Another", hours=0.1)], None)
    about = [row for row in rows(engine) if row[0] == "theme"]
    assert about == [
        ("theme", '"Quoted" sea', START, 1, 1, 1),
        ("theme", "Iran", START, 1, 1, 1),
    ]
    until = START + timedelta(hours=1)
    found = list(articles_between(engine, START, until, "theme", '"Quoted" sea'))
    assert [item.id for item in found] == ["a"]
    assert found[0].themes == ('"Quoted" sea', "Iran")
    corrected = scored("a", "Bank is sound", negative=0.1, seen_hours=1)
    assert apply(engine, [corrected], None).corrected == 1
    assert [row for row in rows(engine) if row[0] == "theme"] == []


def test_an_article_that_was_stored_before_companies_were_asked_is_taken_back_whole(
    engine: Engine,
) -> None:
    apply(engine, [scored("a")], None)
    with engine.begin() as connection:
        connection.execute(update(articles).values(companies=None))
    corrected = scored("a", "Bank is sound", seen_hours=1, companies={"Bank": (0.1, 0.2, 0.7)})
    assert apply(engine, [corrected], None).corrected == 1
    assert ("entity", "Bank", START, 1, 1, 0) in rows(engine)
    assert ("all", "all", START, 1, 1, 1) in rows(engine)


def test_evidence_about_a_company_ranks_by_its_own_sentiment(engine: Engine) -> None:
    apply(
        engine,
        [
            scored(
                "a", "Mild", negative=0.9, entities=("Tesco",), companies={"Tesco": (0.6, 0.4, 0.0)}
            ),
            scored(
                "b",
                "Grave",
                negative=0.2,
                entities=("Tesco",),
                companies={"Tesco": (0.95, 0.05, 0.0)},
            ),
            scored(
                "c", "Good", negative=0.9, entities=("Tesco",), companies={"Tesco": (0.1, 0.2, 0.7)}
            ),
            scored("d", "Not asked", negative=0.7, entities=("Tesco",)),
        ],
        None,
    )
    until = START + timedelta(hours=1)
    found = worst_stories(articles_between(engine, START, until, "entity", "Tesco"))[:5]
    assert [(item.title, item.negative) for item in found] == [
        ("Grave", 0.95), ("Not asked", 0.7), ("Mild", 0.6),
    ]  # fmt: skip
    whole = worst_stories(articles_between(engine, START, until, "all", "all"))[:5]
    assert [item.title for item in whole] == ["Mild", "Good", "Not asked"]


def test_watermarks_wait_for_every_partition_and_never_go_back(engine: Engine) -> None:
    apply(engine, [], advance(0, 1, minutes=10))
    apply(engine, [], advance(1, 1, minutes=5))
    apply(engine, [], advance(2, 1, minutes=20))
    assert watermarks(engine, "aggregate", "scored", 2) is None
    assert watermarks(engine, "aggregate", "scored", 1) == (
        START + timedelta(minutes=10),
        START + timedelta(minutes=20),
    )


def test_evidence_is_found_by_any_dimension(engine: Engine) -> None:
    name = 'Ärger "& Söhne" 100%'
    apply(
        engine,
        [
            scored("a", "Worst", negative=0.95, entities=(name,)),
            scored("b", "Bad", negative=0.8, entities=(name,), topics=("banks",)),
            scored("c", "Good", negative=0.1, entities=(name,)),
            scored("d", "Elsewhere", entities=("Other",)),
        ],
        None,
    )
    until = START + timedelta(hours=1)
    titles = [
        item.title
        for item in worst_stories(articles_between(engine, START, until, "entity", name))[:5]
    ]
    assert titles == ["Worst", "Bad"]
    found = articles_between(engine, START, until, "topic", "banks")
    assert [item.title for item in found] == ["Bad"]
    assert series(engine, "entity", None, int(until.timestamp()))[name][0].stories == 3


def test_a_lease_has_one_holder_until_it_runs_out(engine: Engine) -> None:
    assert leases.hold(engine, "detect", "one", START)
    assert not leases.hold(engine, "detect", "two", START + timedelta(seconds=5))
    assert leases.hold(engine, "detect", "one", START + timedelta(seconds=10))
    late = START + timedelta(seconds=11 + leases.LEASE_SECONDS)
    assert leases.hold(engine, "detect", "two", late)
    leases.release(engine, "detect", "two")
    assert leases.hold(engine, "detect", "one", late)


def test_a_lease_that_is_asked_for_often_is_written_for_seldom_and_found_lost(
    engine: Engine,
) -> None:
    clock = [0.0]
    one, two = (leases.Lease(engine, "detect", name, lambda: clock[0]) for name in ("one", "two"))
    assert one.held(START)
    assert not two.held(START)
    written = START + timedelta(seconds=leases.LEASE_SECONDS)
    clock[0] = leases.LEASE_SECONDS / 4 - 0.1
    assert one.held(START + timedelta(seconds=4))
    # Not written anew: it ends when it would have.
    late = written + timedelta(seconds=1)
    assert two.held(late)
    clock[0] = leases.LEASE_SECONDS / 4
    assert not one.held(late)
    two.release()
    assert one.held(late)


def test_a_lease_of_a_clock_that_was_ahead_holds_nobody_off(engine: Engine) -> None:
    assert leases.hold(engine, "detect", "one", START + timedelta(hours=2))
    assert leases.hold(engine, "detect", "two", START)
    assert not leases.hold(engine, "detect", "three", START + timedelta(seconds=5))


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_database_that_takes_no_writes_for_now_is_waited_for(engine: Engine) -> None:
    with engine.begin() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()
    with pytest.raises(Unavailable, match="read-only transaction"):
        leases.hold(engine, "detect", "one", START)
    assert positions(engine, "aggregate", []) == {}


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1") as caught:
        open_store("postgresql://user:secret@127.0.0.1:1/name")
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError, match="mysql"):
        open_store("mysql://127.0.0.1/name")


def test_offsets_of_another_bus_are_forgotten(engine: Engine) -> None:
    apply(engine, [scored("a")], advance(0, 5, minutes=1))
    before = rows(engine)
    assert not adopt_bus(engine, "aggregate", "first")
    assert not adopt_bus(engine, "aggregate", "first")
    assert positions(engine, "aggregate", [("scored", 0)]) == {("scored", 0): 5}
    assert adopt_bus(engine, "aggregate", "second")
    assert positions(engine, "aggregate", [("scored", 0)]) == {("scored", 0): 0}
    assert apply(engine, [scored("a")], advance(0, 1)).duplicates == 1
    assert rows(engine) == before
