"""The parts of a compiled pack without the memory of all of them: where each item lies, and it decoded when it is looked at.

Decoded, the expressions of a pack take ten times their bytes. A device that has no room for them checks and writes a pack's
program (`headway_edge.core.pack_code.write`) one expression at a time, from the bytes.

>>> Items(bytes([0x82, 0x82, 0x01, 0x02, 0x05]), 0, 2)[0]
[1, 2]
"""

from array import array

from headway_protocol import cbor


class Items:
    """A list that is read from the bytes of a CBOR array each time: len, an index from 0 on, iteration.

    Raises DecodeError, as `headway_protocol.cbor.decode` does, for an array that it would not read. Memory: 4 bytes an item.
    """

    def __init__(self, data: bytes, at: int, depth_max: int) -> None:
        count, at = cbor.array_head(data, at)  # type: ignore[misc]
        self._data = data
        self._depth_max = depth_max - 1
        self._places = array("i", [0] * count)
        for i in range(count):
            self._places[i] = at
            _, at = cbor.item(data, at, self._depth_max)
        self.end = at

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> object:
        return cbor.item(self._data, self._places[index], self._depth_max)[0]

    def __iter__(self) -> object:
        for at in self._places:
            yield cbor.item(self._data, at, self._depth_max)[0]


def read_parts(data: bytes, depth_max: int, count: int, first_large: int) -> list:
    """Return what `headway_protocol.cbor.decode` would, an array of `count`, its arrays from `first_large` on as `Items`.

    What is no such array comes decoded, whatever it is. Raises DecodeError where `decode` would, with the same words.
    """
    head = cbor.array_head(data, 0)
    if head is None or head[0] != count:
        return cbor.decode(data, depth_max)  # type: ignore[return-value]
    at = head[1]
    parts = []  # type: list
    for i in range(count):
        if i >= first_large and cbor.array_head(data, at) is not None:
            items = Items(data, at, depth_max - 1)
            parts.append(items)
            at = items.end
        else:
            value, at = cbor.item(data, at, depth_max - 1)
            parts.append(value)
    cbor.check_end(data, at)
    return parts
