"""What makes two records the same article, the same content or the same headline."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

# Query parameters that say how a reader came to a page, never which page it is.
_TRACKING_NAME = re.compile(
    r"(?:utm|mtm|pk|hsa|itm|stm)_\w+|(?:fb|g|d|ms|y|tw)clid|gclsrc|gbraid|wbraid|igshid"
    r"|mc_[ce]id|mkt_tok|_hs(?:enc|mi)|hsctatracking|vero_id|wickedid|oly_(?:anon|enc)_id|ncid"
    r"|cmpid|cmp|ftag|xtor|guccounter|guce_referrer(?:_sig)?|ns_(?:campaign|mchannel|source|linkname)"
    r"|at_(?:medium|campaign)|smid|spm|sref|feed(?:type|name)|_ga|_gl|s_cid|ocid",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_URL_IN_TEXT = re.compile(r"https?://[^\s<>\"'，。；）】]+", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


def article_id(
    source: str,
    guid_or_url: str,
    title: str,
    text: str,
    published: datetime | None = None,
) -> str:
    """The same 32 hex digits for the same article, whenever and however often it is read.

    `guid_or_url` is the feed's GUID, else the address; a web address is made canonical first.
    Where it is empty the content decides, with `published` when the document gives one, so that
    two items of equal wording on different days stay two.
    """
    key = guid_or_url.strip()
    if key:
        return _digest("key", source, canonical_url(key))
    moment = published.astimezone(UTC).isoformat() if published is not None else ""
    return _digest("content", source, _collapsed(title), _collapsed(text), moment)


def content_hash(title: str, text: str) -> str:
    """16 hex digits that change when the wording changes: not with white space, and not with
    the tracking parameters of an address that stands in the text."""
    parts = (
        _URL_IN_TEXT.sub(lambda found: canonical_url(found[0]), part) for part in (title, text)
    )
    return _digest(*(_collapsed(part) for part in parts))[:16]


class _Told(dict[int, int | None]):
    """For str.translate: a character as it is, or None for one that says nothing; each is looked
    up once."""

    def __missing__(self, code: int) -> int | None:
        says_nothing = unicodedata.category(chr(code))[0] in "PZCS"
        self[code] = None if says_nothing else code
        return self[code]


_TOLD = _Told()


def normalise_title(title: str) -> str:
    """A headline without what syndication alters: case, width, punctuation, white space."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).casefold())
    return folded.translate(_TOLD)


def canonical_url(url: str) -> str:
    """The address without what does not name the page: tracking parameters, default port, case
    of scheme and host, an empty path. Anything that is not an http(s) address is only stripped.

    Order and spelling of the remaining parameters are kept: a server may depend on them. So is a
    fragment that is not tracking, since item lists on one page differ by it alone.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not parts.hostname:
        return url
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        host = f"{host}:{port}"
    return urlunsplit(
        (
            scheme,
            host,
            parts.path or "/",
            _without_tracking(parts.query),
            "" if parts.fragment.startswith(":~:") else _without_tracking(parts.fragment),
        )
    )


def _without_tracking(query: str) -> str:
    if not query:
        return ""
    kept = [piece for piece in query.split("&") if piece and not _is_tracking(piece)]
    return "&".join(kept)


def _is_tracking(piece: str) -> bool:
    name, equals, _ = piece.partition("=")
    return bool(equals) and _TRACKING_NAME.fullmatch(name) is not None


def _collapsed(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _digest(*parts: str) -> str:
    # A length before each part, so that moving a character across a border changes the digest.
    hasher = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        hasher.update(f"{len(encoded)}:".encode("ascii"))
        hasher.update(encoded)
    return hasher.hexdigest()[:32]
