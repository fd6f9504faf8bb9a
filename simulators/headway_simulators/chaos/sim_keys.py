"""The one key that simulated servers sign with and simulated devices obey; no secret is in it."""

from headway_edge.orders.server_keys import ServerKeys
from headway_server.signing import Signing, SigningKey

GROUP = "chaos"
_KEY = SigningKey(bytes(range(32)), bytes(range(32, 64)))
SIGNING = Signing([_KEY])
ERASURE_KEY = bytes(range(64, 96))  # by which the server remembers whom it has erased


def address(device: str) -> str:
    """Return a device's address, "group/device"."""
    return f"{GROUP}/{device}"


def server_keys(device: str) -> ServerKeys:
    """Return what a device knows its server by."""
    return ServerKeys(address(device), [_KEY.public.hex()])
