"""A door in front of the API server: a TCP relay on loopback that can be shut, so that one client's connections are cut."""

import contextlib
import selectors
import socket
import threading

from attrs import define, field

CHUNK = 1 << 16


@define
class Door:
    """Relays connections to ``port`` of loopback. Use as a context manager.

    TLS passes through: a client may use the API server's own certificate.

    Attributes:
        port: of the API server.
        cuts: connections that were cut so far.
    """

    port: int
    cuts: int = 0
    _is_open: bool = True
    _listener: socket.socket = field(init=False)
    _pairs: list[tuple[socket.socket, socket.socket]] = field(factory=list)
    _lock: threading.Lock = field(factory=threading.Lock)

    def __enter__(self) -> "Door":
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.shut()

    @property
    def server(self) -> str:
        """Base URL of the API server through this door."""
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> int:
        """Cut every connection and return how many there were; new ones are let in if the door is open."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for side in (side for pair in pairs for side in pair):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        self.cuts += len(pairs)
        return len(pairs)

    def shut(self) -> int:
        """Cut every connection, let none in, and return how many were cut."""
        with self._lock:
            self._is_open = False
        return self.cut()

    def open(self) -> None:
        """Let connections in again."""
        with self._lock:
            self._is_open = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                is_open = self._is_open
                if is_open:
                    self._pairs.append((near, far))
            if is_open:
                threading.Thread(target=_relay, args=(near, far), daemon=True).start()
            else:
                near.close()
                far.close()


def _relay(near: socket.socket, far: socket.socket) -> None:
    """Hand bytes on in both directions until one side ends."""
    other = {near: far, far: near}
    with near, far, selectors.DefaultSelector() as selector, contextlib.suppress(OSError):
        for side in other:
            selector.register(side, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                side = next(each for each in other if each is key.fileobj)
                content = side.recv(CHUNK)
                if not content:
                    return
                other[side].sendall(content)
