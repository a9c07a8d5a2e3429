"""What a PostgreSQL connection is told to make of a server that says nothing."""

from sqlalchemy import make_url

from monitor.store.engine import connect_store


def _told(url: str) -> dict[str, str]:
    engine = connect_store(url)
    try:
        pooled = engine.raw_connection()
        found: dict[str, str] = pooled.driver_connection.info.get_parameters()  # type: ignore[union-attr]
        pooled.close()
    finally:
        engine.dispose()
    return found


def test_a_server_that_is_gone_without_a_word_is_given_up(postgresql: str) -> None:
    told = _told(postgresql)
    assert told["tcp_user_timeout"] == "20000"
    names = ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count")
    assert [told[name] for name in names] == ["1", "10", "5", "3"]


def test_what_the_address_says_of_it_counts(postgresql: str) -> None:
    url = make_url(postgresql).update_query_dict({"tcp_user_timeout": "5000", "keepalives": "0"})
    told = _told(url.render_as_string(hide_password=False))
    assert (told["tcp_user_timeout"], told["keepalives"]) == ("5000", "0")
