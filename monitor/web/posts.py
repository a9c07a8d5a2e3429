"""Posts to the console, which has no log-in: only from its own pages, and only so large."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request


def from_another_site(headers: Mapping[str, str], public_url: str) -> bool:
    """Whether a browser says that a page of another site makes this request.

    Browsers send `Sec-Fetch-Site` to https and loopback addresses, and `Origin` with every post.
    A program that sends neither is no browser that somebody could have led astray.
    """
    fetch_site = headers.get("sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    host = headers.get("host", "")
    own = {f"http://{host}", f"https://{host}"}
    if public_url:
        parts = urlsplit(public_url)
        own.add(f"{parts.scheme}://{parts.netloc}")
    return origin.lower() not in {address.lower() for address in own}


async def bounded_body(request: Request, max_bytes: int) -> bytes | None:
    """The request's body; None where it is larger, of which no more than that is read."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)
