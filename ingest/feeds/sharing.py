"""Which of several workers polls a feed."""

import hashlib
from collections.abc import Collection, Iterable


def share_of(member: str, members: Collection[str], urls: Iterable[str]) -> set[str]:
    """The addresses that `member` polls, where all who share are `members`.

    Each address goes to the member that weighs most for it (rendezvous hashing: Thaler and
    Ravishankar, IEEE/ACM Trans. Networking 6, 1998): all come to the same answer by themselves,
    and when a member comes or goes only its own addresses move.
    """
    return {url for url in urls if max(members, key=lambda name: _weight(name, url)) == member}


def _weight(member: str, url: str) -> bytes:
    return hashlib.blake2b(f"{member}\n{url}".encode(), digest_size=8).digest()
