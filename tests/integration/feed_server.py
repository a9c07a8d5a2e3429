"""A loopback web server whose feeds grow as they are fetched, as real ones do."""

import hashlib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

NEW_A_FETCH = 20
SHOWN = 60
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]")


@dataclass(frozen=True)
class Item:
    """What a publisher puts into its feed."""

    published: datetime
    title: str
    text: str
    url: str


@contextmanager
def feed_server(feeds: Mapping[str, Sequence[Item]]) -> Iterator[str]:
    """Serve each feed, oldest items first, at `/NAME`; names that end in `.atom` are Atom, others
    RSS. A fetch shows the latest items, of them at most NEW_A_FETCH new ones; an unchanged feed is
    answered with 304. Yields the address."""
    cursors = dict.fromkeys(feeds, 0)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            if name not in feeds:
                self.send_error(404)
                return
            with lock:
                cursors[name] = cursor = min(cursors[name] + NEW_A_FETCH, len(feeds[name]))
            shown = feeds[name][max(0, cursor - SHOWN) : cursor]
            write = atom if name.endswith(".atom") else rss
            body = write(name, shown[::-1]).encode()
            tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.headers.get("If-None-Match") == tag:
                self.send_response(304)
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/xml; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", tag)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rss(name: str, items: Sequence[Item]) -> str:
    """An RSS 2.0 document."""
    body = "".join(
        f"<item><title>{_xml(item.title)}</title><link>{_xml(item.url)}</link>"
        f"<guid>{_xml(item.url)}</guid><pubDate>{format_datetime(item.published)}</pubDate>"
        f"<description>{_xml(item.text)}</description></item>"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{_xml(name)}</title><link>https://example.com/</link><description/>{body}"
        "</channel></rss>"
    )


def atom(name: str, items: Sequence[Item]) -> str:
    """An Atom 1.0 document."""
    body = "".join(
        f"<entry><title>{_xml(item.title)}</title><link href='{_xml(item.url)}'/>"
        f"<id>{_xml(item.url)}</id><published>{item.published.isoformat()}</published>"
        f"<updated>{item.published.isoformat()}</updated>"
        f"<summary>{_xml(item.text)}</summary></entry>"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>{_xml(name)}</title><id>urn:{_xml(name)}</id>{body}</feed>"
    )


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("", text), {"'": "&apos;"})
