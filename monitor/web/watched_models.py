"""The models at work: a challenger beside the one in service, and drift."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict

import msgspec
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from models.drift import Statistic, verdict
from models.drift_watch import REFERENCE_TEXTS
from monitor.shadow_report import shadow_reports
from monitor.store.drift import drift

SHOWN = 40
STATISTICS: dict[Statistic, str] = {
    "class": "sentiments",
    "confidence": "confidence",
    "tokens": "length in tokens",
    "unknown": "unknown tokens",
}


def model_routes(engine: Engine, render: Callable[..., str]) -> list[Route]:
    """`/models`, `/api/shadow` and `/api/drift`."""

    async def page(request: Request) -> Response:
        reports = await asyncio.to_thread(shadow_reports, engine)
        measured = await asyncio.to_thread(drift, engine)
        content = render(
            "models.html",
            reports=reports,
            drift=measured[:SHOWN],
            statistics=STATISTICS,
            reference_texts=REFERENCE_TEXTS,
        )
        return HTMLResponse(content)

    async def shadow_json(request: Request) -> Response:
        return _json([item.as_json() for item in await asyncio.to_thread(shadow_reports, engine)])

    async def drift_json(request: Request) -> Response:
        return _json(
            [
                {
                    **asdict(item.reading),
                    "verdict": verdict(item.reading.psi),
                    "measured": item.measured,
                }
                for item in await asyncio.to_thread(drift, engine)
            ]
        )

    return [
        Route("/models", page),
        Route("/api/shadow", shadow_json),
        Route("/api/drift", drift_json),
    ]


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
