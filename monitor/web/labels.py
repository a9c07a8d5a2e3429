"""Labels in the console and the API: what the models are unsure of, and what people say."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from monitor.corrections import Correction, FieldProblem, Label, correction_of
from monitor.store import labels as label_store
from monitor.web.posts import bounded_body, from_another_site

MAX_BODY_BYTES = 16_384
MAX_FIELDS = 50
LISTED = 50
MAX_LABELS = 1_000
_ARTICLE_ID = re.compile(r"[0-9A-Za-z_.:-]{1,64}")
_BACK = re.compile(r"/labels|/alerts/[0-9a-f]{1,32}")
_REFUSED = "this post comes from another site's page; it is refused"


def label_routes(
    engine: Engine, render: Callable[..., str], low_confidence: float, public_url: str
) -> list[Route]:
    """`/labels`, its forms, and `/api/articles/ID/labels`, `/api/labels`."""

    def keep(article_id: str, correction: Correction) -> Label | None:
        if not _ARTICLE_ID.fullmatch(article_id):
            return None
        return label_store.add(engine, article_id, correction, datetime.now(UTC))

    async def page(request: Request) -> Response:
        items = await asyncio.to_thread(
            label_store.uncertain, engine, low_confidence, None, None, LISTED
        )
        return HTMLResponse(render("labels.html", items=items, below=low_confidence))

    async def form(request: Request) -> Response:
        """A form of the console: keeps the label, and leads back to the page it stands on."""
        if from_another_site(request.headers, public_url):
            return PlainTextResponse(f"{_REFUSED}\n", status_code=403)
        body = await bounded_body(request, MAX_BODY_BYTES)
        if body is None:
            return PlainTextResponse(f"more than {MAX_BODY_BYTES} bytes\n", status_code=413)
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=MAX_FIELDS)
        except ValueError:
            return PlainTextResponse(f"more than {MAX_FIELDS} fields\n", status_code=422)
        back = fields.pop("back", ["/labels"])[0]
        values: dict[str, Any] = {name: found[0] for name, found in fields.items()}
        if "topics" in fields:
            values["topics"] = fields["topics"]
        correction = correction_of({"by": "console", **values})
        if isinstance(correction, list):
            return PlainTextResponse("".join(f"{item}\n" for item in correction), status_code=422)
        if await asyncio.to_thread(keep, request.path_params["article_id"], correction) is None:
            return PlainTextResponse("no such article\n", status_code=404)
        return RedirectResponse(back if _BACK.fullmatch(back) else "/labels", status_code=303)

    async def post(request: Request) -> Response:
        if from_another_site(request.headers, public_url):
            return _json({"error": _REFUSED}, 403)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return _json({"error": "send JSON, with Content-Type: application/json"}, 415)
        body = await bounded_body(request, MAX_BODY_BYTES)
        if body is None:
            return _json({"error": f"more than {MAX_BODY_BYTES} bytes"}, 413)
        try:
            values = msgspec.json.decode(body, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _json({"error": f"a JSON object is wanted: {error}"}, 400)
        correction = correction_of({"by": "api", **values})
        if isinstance(correction, list):
            return _problems(correction)
        label = await asyncio.to_thread(keep, request.path_params["article_id"], correction)
        if label is None:
            return _json({"error": "no such article"}, 404)
        return _json(asdict(label), 201)

    async def listing(request: Request) -> Response:
        asked = request.query_params
        limit = asked.get("limit", "100")
        if not re.fullmatch(r"[0-9]{1,4}", limit) or not 1 <= int(limit) <= MAX_LABELS:
            return _problems([FieldProblem("limit", f"a number from 1 to {MAX_LABELS} is wanted")])
        article = asked.get("article")
        if article is not None and not _ARTICLE_ID.fullmatch(article):
            return _problems([FieldProblem("article", "this is no article's id")])
        if asked.get("history") in ("1", "true"):
            found = await asyncio.to_thread(label_store.history, engine, article, int(limit))
        else:
            ids = None if article is None else [article]
            found = await asyncio.to_thread(label_store.current, engine, ids, int(limit))
        return _json([asdict(label) for label in found])

    return [
        Route("/labels", page),
        Route("/labels/{article_id:str}", form, methods=["POST"]),
        Route("/api/articles/{article_id:str}/labels", post, methods=["POST"]),
        Route("/api/labels", listing),
    ]


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _problems(problems: list[FieldProblem]) -> Response:
    return _json({"errors": [asdict(problem) for problem in problems]}, 422)
