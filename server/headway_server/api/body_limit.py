"""A limit on the body of a request, held while it is read: nobody can make the server keep more than that in memory."""

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """Middleware: a request whose body has more than `bytes_max` bytes is answered with 413."""

    def __init__(self, app: ASGIApp, bytes_max: int) -> None:
        self._app = app
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._bytes_max:
                raise HTTPException(413, f"a body of more than {self._bytes_max} bytes")
            return message

        await self._app(scope, limited if scope["type"] == "http" else receive, send)
