"""The console's routes."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, select_autoescape
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
    multiprocess,
)
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from alerts.messages import Message as AlertMessage
from alerts.messages import (
    corrected,
    covered,
    duration,
    headline,
    moment,
    moved,
    one_line,
    safe_link,
    where,
)
from alerts.rules import AnyRule
from ingest.feeds.settings import FeedSettings
from models.drift import verdict
from models.labels import SENTIMENTS, TOPICS
from monitor.bus import Bus
from monitor.events import ARTICLES
from monitor.failures import Unavailable
from monitor.store import alerts as alert_store
from monitor.store import follow_ups
from monitor.store import labels as label_store
from monitor.store.readers import latest_articles
from monitor.web.board import SPARK_HEIGHT, SPARK_WIDTH, board, utc_now
from monitor.web.explanations import explanation_routes
from monitor.web.labels import label_routes
from monitor.web.watched_models import model_routes

HERE = Path(__file__).resolve().parent
REFRESH_SECONDS = 2.0
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: a form's Origin, by which a post of another site is told, would be "null".
    "Referrer-Policy": "same-origin",
}

Handler = Callable[[Request], Awaitable[Response]]


def create_app(
    engine: Engine,
    bus: Bus,
    feeds: list[FeedSettings],
    sample: bool,
    stopping: Callable[[], bool],
    low_confidence: float,
    public_url: str,
    rules: Sequence[AnyRule],
) -> Starlette:
    """The console over a store and a bus; `stopping` ends the live streams.

    Posts are taken from pages of this address and of `public_url`; articles under
    `low_confidence` are listed for labelling.
    """
    pages = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(default=True)
    )
    pages.filters.update(moment=moment, duration=duration, one_line=one_line)
    pages.tests["safe_link"] = safe_link
    pages.globals.update(
        where=where,
        corrected=corrected,
        covered=covered,
        moved=moved,
        spark_width=SPARK_WIDTH,
        spark_height=SPARK_HEIGHT,
        sample=sample,
        sentiments=SENTIMENTS,
        topics=TOPICS,
        verdict=verdict,
    )

    def render(name: str, **values: Any) -> str:
        return pages.get_template(name).render(**values)

    def current() -> str:
        return render("board.html", board=board(engine, feeds, utc_now()))

    async def index(request: Request) -> Response:
        content = await asyncio.to_thread(current)
        return HTMLResponse(render("page.html", content=content))

    async def alert_page(request: Request) -> Response:
        found = await asyncio.to_thread(alert_store.find, engine, request.path_params["alert_id"])
        if found is None:
            return HTMLResponse(render("missing.html"), status_code=404)
        event: Any = "resolved" if found.state == "resolved" else "firing"
        title = headline(AlertMessage(event, found))
        ids = await asyncio.to_thread(label_store.articles_of, engine, found.top)
        given = await asyncio.to_thread(label_store.current, engine, [name for name in ids if name])
        labels = {label.article_id: label for label in given if not label.company}
        later = await asyncio.to_thread(follow_ups.latest_of, engine, found.id)
        told = None if later is None else headline(AlertMessage("follow-up", found, "", later[0]))
        evidence = list(zip(found.top, ids, strict=True))
        return HTMLResponse(
            render(
                "alert.html",
                alert=found,
                title=title,
                follow_up=told,
                evidence=evidence,
                labels=labels,
            )
        )

    async def live(request: Request) -> Response:
        """The board again whenever it has changed, as server-sent events."""

        async def stream() -> AsyncIterator[str]:
            shown = ""
            while not stopping() and not await request.is_disconnected():
                content = await asyncio.to_thread(current)
                if content != shown:
                    shown = content
                    lines = "".join(f"data: {line}\n" for line in content.splitlines())
                    yield f"event: board\n{lines}\n"
                else:
                    yield ": still here\n\n"
                await asyncio.sleep(REFRESH_SECONDS)

        return StreamingResponse(
            stream(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def metrics(request: Request) -> Response:
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        content = await asyncio.to_thread(generate_latest, registry)
        return Response(content, media_type=CONTENT_TYPE_LATEST)

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        """Ready when store and bus answer; it is asked often, so that nothing is counted."""
        try:
            latest = await asyncio.to_thread(latest_articles, engine, 1)
            await asyncio.to_thread(bus.end_offsets, ARTICLES)
        except Unavailable as error:
            return JSONResponse({"ready": False, "reason": str(error)}, status_code=503)
        newest = latest[0].published.isoformat() if latest else None
        return JSONResponse({"ready": True, "newest_article": newest})

    async def unavailable(request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", status_code=503)

    app = Starlette(
        routes=[
            Route("/", index),
            Route("/alerts/{alert_id:str}", alert_page),
            *label_routes(engine, render, low_confidence, public_url),
            *model_routes(engine, render),
            *explanation_routes(engine, rules, render),
            Route("/live", live),
            Route("/metrics", metrics),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        exception_handlers={Unavailable: unavailable},
    )
    app.add_middleware(SecurityHeaders)
    return app


class SecurityHeaders:
    """Adds the headers that keep a hostile headline or frame from doing harm."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *((k.lower().encode(), v.encode()) for k, v in SECURITY_HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)
