"""A wire between the roles and the database that can be cut, slowed, and silenced."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

CHUNK_BYTES = 16_384


class Wire:
    """Forwards TCP connections to a socket of this machine."""

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._cut = False
        self._silent = False
        self._delay_seconds = 0.0
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0

    def cut(self) -> None:
        """Break every connection, and take no new one until `mend`."""
        self._loop.call_soon_threadsafe(self._break)

    def silence(self) -> None:
        """Swallow all data, of new connections too, and close none until `mend`.

        The kernel acknowledges what nobody reads, so no timeout of TCP ends this. As with a
        firewall that is started anew, the connections of that time are broken in the end.
        """
        self._silent = True

    def slow(self, delay_seconds: float) -> None:
        """Let each piece of data wait so long."""
        self._delay_seconds = delay_seconds

    def mend(self) -> None:
        self._cut, self._delay_seconds = False, 0.0
        if self._silent:
            self._loop.call_soon_threadsafe(self._end_silence)

    def _break(self) -> None:
        self._cut = True
        self._drop()

    def _end_silence(self) -> None:
        self._drop()
        self._silent = False

    def _drop(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        try:
            await asyncio.gather(self._pass_on(reader, back), self._pass_on(there, writer))
        finally:
            self._open -= {writer, back}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self._silent:
                    continue
                if self._delay_seconds:
                    await asyncio.sleep(self._delay_seconds)
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.contextmanager
def wire(target: Path) -> Iterator[Wire]:
    made = Wire(target)
    loop = made._loop
    server = loop.run_until_complete(asyncio.start_server(made._serve, "127.0.0.1", 0))
    made.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, name="wire", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(made._break)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
