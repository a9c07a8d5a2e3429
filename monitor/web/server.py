"""Serving the console until the role is told to stop."""

import threading

import uvicorn
from sqlalchemy import Engine

from monitor.bus import Bus
from monitor.settings import Settings
from monitor.web.app import create_app

DRAIN_SECONDS = 3


def serve(settings: Settings, engine: Engine, bus: Bus, stop: threading.Event) -> None:
    """Serve on the address of the settings; returns when `stop` is set."""
    app = create_app(
        engine,
        bus,
        settings.polled_feeds,
        settings.sample,
        stop.is_set,
        settings.models.low_confidence,
        settings.web.public_url,
        settings.rule_file.rules,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.web.host,
            port=settings.web.port,
            log_level="warning",
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    # The role has its own signal handlers; uvicorn installs some only on the main thread.
    thread = threading.Thread(target=server.run, name="console")
    thread.start()
    while not stop.wait(0.2):
        if not thread.is_alive():
            raise RuntimeError("the console's server ended by itself")
    server.should_exit = True
    thread.join()
