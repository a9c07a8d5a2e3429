"""Feeds are shared out without a word between those who share them."""

from ingest.feeds.sharing import share_of

URLS = [f"https://example.com/{number}.xml" for number in range(1_000)]
MEMBERS = ["one", "two", "three"]


def shares(members: list[str]) -> dict[str, set[str]]:
    return {name: share_of(name, members, URLS) for name in members}


def test_each_feed_has_one_worker_and_the_shares_are_alike() -> None:
    found = shares(MEMBERS)
    assert sorted(url for share in found.values() for url in share) == sorted(URLS)
    assert all(250 < len(share) < 420 for share in found.values())


def test_only_the_feeds_of_who_leaves_move() -> None:
    before, after = shares(MEMBERS), shares(["one", "three"])
    for name in after:
        assert before[name] <= after[name]
    assert after["one"] | after["three"] == set(URLS)
    assert after["one"] - before["one"] < before["two"]
