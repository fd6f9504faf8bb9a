"""One of every message of the protocol, encoded by another library."""

import cbor2


def messages() -> list[bytes]:
    """One of every message, so that mutations reach the checks behind the codec."""
    pack = bytes(range(8))
    return [
        cbor2.dumps([1, 1, 3, 1, 0, None, 0, ["headway 0.1.0", "car", [[pack, "private-driving", 1]], 2, 0]]),
        cbor2.dumps([1, 2, 3, 2, 600000, 1700000000000, 2, [pack, 599000, b"\x03\x00\x02\xac\x02", b""]]),
        cbor2.dumps([1, 2, 3, 3, 600000, None, 0, [pack, 599000, b"", b"", -300, [2, 17]]]),
        cbor2.dumps([1, 8, 3, 3, 2**46, None, 0, [2, 10, 19, "storage full"]]),
        cbor2.dumps([1, 5, 3, 4, 9, None, 0, [1, 1, 86_400_000, pack, [6, -1, 7, 62, -(2**53) + 1], [3, 2]]]),
        cbor2.dumps([1, 7, 3, 5, 9, None, 0, [2, 0, 84210, 41500]]),
        cbor2.dumps([1, 3, 3, 6, 9, None, 0, [pack, 19675, 1, 1, 3, 25400, b"\x06\x0d", [[2, 5, 6], [2, 9, 9]]]]),
        cbor2.dumps([1, 3, 17, [[16, 1], [18, 4]], [[19, 24]]]),
        cbor2.dumps([1, 3, True, [[3, 17], [2, 40]]]),
        cbor2.dumps([1, 1, [[3, 17, 18], [2, 1, 2**32 - 1]]]),
        cbor2.dumps([1, b"compiled", '{"title": "x"}']),
        cbor2.dumps([2, 1, pack, cbor2.dumps([1, "depot-7/bus-0142", 1790000000, 1797776000, b"body"]), bytes(64)]),
        cbor2.dumps([1, 4, "car", pack, [[103, 22, [136, 386, 614, 864], [-51, 80, 120, 230]]]]),
    ]
