"""Whether an alert still follows from the store: a page, and the same as JSON."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from alerts.alert import Alert
from alerts.rules import AnyRule
from monitor.explanation import Explanation, explain
from monitor.store import alerts as alert_store

SHOWN_STORIES = 40


def explanation_routes(
    engine: Engine, rules: Sequence[AnyRule], render: Callable[..., str]
) -> list[Route]:
    """`/alerts/ALERT/explanation` and `/api/alerts/ALERT/explanation`."""
    one_at_a_time = asyncio.Semaphore(1)

    async def explained(request: Request) -> Explanation | None:
        """A fold over the history behind the alert: not many of them beside each other."""

        def recomputed() -> Explanation | None:
            found: Alert | None = alert_store.find(engine, request.path_params["alert_id"])
            return None if found is None else explain(engine, rules, found)

        async with one_at_a_time:
            return await asyncio.to_thread(recomputed)

    async def page(request: Request) -> Response:
        explanation = await explained(request)
        if explanation is None:
            return HTMLResponse(render("missing.html"), status_code=404)
        stories = explanation.stories()
        return HTMLResponse(
            render(
                "explanation.html",
                explanation=explanation,
                alert=explanation.alert,
                changed=sorted(Counter(explanation.changed.values()).items()),
                stories=stories[:SHOWN_STORIES],
                more=len(stories[SHOWN_STORIES:]),
            )
        )

    async def api(request: Request) -> Response:
        explanation = await explained(request)
        if explanation is None:
            return _json({"error": "no such alert"}, 404)
        return _json(explanation.as_json(), 200)

    return [
        Route("/alerts/{alert_id:str}/explanation", page),
        Route("/api/alerts/{alert_id:str}/explanation", api),
    ]


def _json(value: object, status: int) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
