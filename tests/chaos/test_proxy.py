"""The wire between roles and database: what its faults look like from both ends."""

import socket
import threading
from pathlib import Path

import pytest

from tests.chaos.proxy import wire


def _echo(listener: socket.socket, seen: list[bytes]) -> None:
    """Answer each connection with what it sends, until the listener is closed."""

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(100):
                seen.append(data)
                connection.sendall(data)

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def test_a_silent_wire_swallows_what_is_sent_and_breaks_in_the_end(tmp_path: Path) -> None:
    seen: list[bytes] = []
    place = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))
        listener.listen()
        threading.Thread(target=_echo, args=(listener, seen), daemon=True).start()
        with wire(place) as line:
            address = ("127.0.0.1", line.port)
            with socket.create_connection(address, 10) as before:
                before.sendall(b"heard")
                assert before.recv(100) == b"heard"
                line.silence()
                before.sendall(b"swallowed")
                with socket.create_connection(address, 10) as during:
                    during.sendall(b"swallowed, too")
                    during.settimeout(0.5)
                    with pytest.raises(TimeoutError):
                        during.recv(100)
                    line.mend()
                    during.settimeout(10)
                    assert _ended(before) and _ended(during)
            with socket.create_connection(address, 10) as after:
                after.sendall(b"heard again")
                assert after.recv(100) == b"heard again"
        listener.shutdown(socket.SHUT_RDWR)
    assert seen == [b"heard", b"heard again"]


def _ended(connection: socket.socket) -> bool:
    """Whether it was broken with nothing said."""
    try:
        return connection.recv(100) == b""
    except ConnectionResetError:
        return True
