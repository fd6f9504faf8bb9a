"""A TCP connection that never waits: what `BandLink` needs of a network.

A name is looked up by the platform, which may take as long as its resolver does; a numeric address takes no time. For TLS, pass
the link another stream with these three methods.
"""

import select
import socket

from headway_protocol import const

_EAGAIN = const(11)
_UNDER_WAY = (_EAGAIN, 115, 119)  # EINPROGRESS on Linux and lwIP, and in newlib (ESP32)


class TcpStream:
    """A connection that is being made to host:port. Raises OSError, here and in every method, when it cannot be or is broken."""

    def __init__(self, host: str, port: int) -> None:
        info = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
        self._socket = socket.socket(info[0], info[1])
        self._open = False
        try:
            self._socket.setblocking(False)
            self._poller = select.poll()
            self._poller.register(self._socket, select.POLLOUT)
            try:
                self._socket.connect(info[-1])
            except OSError as error:
                if error.errno not in _UNDER_WAY:
                    raise
        except BaseException:
            self._socket.close()
            raise

    def _is_open(self) -> bool:
        if not self._open:
            # An attempt that failed is ready as well: the next call says why.
            self._open = len(self._poller.poll(0)) > 0
        return self._open

    def send(self, data: "bytes | memoryview") -> int:
        """Send what can be sent now; return how many bytes that is."""
        if not self._is_open():
            return 0
        try:
            return self._socket.send(data)
        except OSError as error:
            if error.errno == _EAGAIN:
                return 0
            raise

    def receive(self, limit: int) -> "bytes | None":
        """Return up to `limit` bytes; None if there are none now, b"" at the end of the stream."""
        if not self._is_open():
            return None
        try:
            return self._socket.recv(limit)
        except OSError as error:
            if error.errno == _EAGAIN:
                return None
            raise

    def close(self) -> None:
        """End the connection at once."""
        self._socket.close()
