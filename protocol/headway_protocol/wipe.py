"""The order to wipe, on a device's `cmd` topic: a signed statement of purpose WIPE (`headway_protocol.signed`), with no body.

Its version tells one erasure from the next: a device obeys one that is newer than the last it carried out, and says in
every birth record from then on which that was and which boot began with it (`record.birth_body`). An order is never too
late: what it names is to go whenever the device hears of it.

>>> data = order("depot-7/bus-0142", 1790000000, (signed.ED25519, b"key-id-8", lambda said: bytes(64)))
>>> signed.opened(data, WIPE_BYTES_MAX, signed.WIPE, "depot-7/bus-0142", lambda *asked: True)[0]
1790000000
"""

from headway_protocol import signed

WIPE_BYTES_MAX = signed.OVERHEAD_BYTES


def order(audience: str, version: int, signer: tuple) -> bytes:
    """Return the bytes of an order. audience: "group/device". version, signer: as in `signed`. Raises DecodeError."""
    return signed.make(signed.WIPE, audience, version, signed.TIME_S_MAX, b"", signer)
