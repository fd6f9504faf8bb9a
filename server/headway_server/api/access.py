"""What every request can ask of the application: the running server, and whether an operator is asking."""

import hmac
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from headway_server.api.refused_tokens import RefusedTokens
from headway_server.running import Running

_bearer = HTTPBearer(auto_error=False, description="The operator token of the server's settings.")


def running_server(request: Request) -> Running:
    """The server that the application was made for."""
    found: Running = request.app.state.running
    return found


Server = Annotated[Running, Depends(running_server)]


async def operator(
    request: Request,
    server: Server,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    """Let the operator pass; raises 403 if there is none in the settings, 401 for a missing or wrong token."""
    token = server.settings.operator_token
    if token is None:
        raise HTTPException(403, "this server takes no changes: set operator_token in its settings")
    given = "" if credentials is None else credentials.credentials
    # Bytes, because compare_digest takes no other text than ASCII.
    if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        refused: RefusedTokens = request.app.state.refused_tokens
        await refused.note(server.database, getattr(request.scope.get("route"), "path", ""), server.now_ms())
        raise HTTPException(401, "the operator token is missing or wrong", {"WWW-Authenticate": "Bearer"})
