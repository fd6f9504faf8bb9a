"""The benchmark: how a cohort's persons are distributed on each characteristic, in one closed epoch.

    [version, epoch, cohort, pack_id, [[characteristic, n, [p, ...], [q, ...]], ...]]

p: cumulative share in per mille, increasing; q: the value there, in the characteristic's own quantum, non-decreasing.
The device interpolates its own place between them and tells nobody. It holds the privacy floor again by itself: a table
over fewer than FLOOR_MIN persons, or with more than one knot for five of them, is refused as a whole.

>>> data = encode(4, "car", bytes(8), [(6, 22, [136, 386, 614, 864], [51, 80, 120, 230])])
>>> decode(data).tables[6]
(22, [136, 386, 614, 864], [51, 80, 120, 230])
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError
from headway_protocol.fields import UINT32_MAX, array, integer, message, octets, text, uint
from headway_protocol.record import PACK_ID_BYTES, TEXT_LENGTH_MAX

KNOTS_MAX = 21
PERSONS_PER_KNOT = 5
FLOOR_MIN = 5  # what no setting of a server may go below; servers use 10 unless told otherwise
BENCHMARK_BYTES_MAX = 8192
TABLES_MAX = 64


class Benchmark:
    """One benchmark.

    epoch: number of the closed epoch, increasing. cohort: its id, for example "car". pack_id: the definition the values
    are of. tables: {characteristic id: (n persons, [p per mille], [q])}.
    """

    def __init__(self, epoch: int, cohort: str, pack_id: bytes, tables: dict) -> None:
        self.epoch = epoch
        self.cohort = cohort
        self.pack_id = pack_id
        self.tables = tables


def encode(epoch: int, cohort: str, pack_id: bytes, tables: list) -> bytes:
    """Return the bytes of a benchmark; tables: [(characteristic, n, [p], [q]), ...].

    Raises EncodeError or DecodeError when a device would refuse it: what this sends, `decode` reads.
    """
    data = cbor.encode([WIRE_VERSION, epoch, cohort, pack_id, [list(table) for table in tables]])
    decode(data)
    return data


def decode(data: bytes) -> Benchmark:
    """Return the benchmark in `data`, checked. Raises DecodeError."""
    items = message(data, BENCHMARK_BYTES_MAX, WIRE_VERSION, 5, "benchmark")
    pack_id = octets(items, 3, PACK_ID_BYTES, "pack_id", PACK_ID_BYTES)
    tables = {}
    for table in array(items, 4, TABLES_MAX, "tables"):
        if not isinstance(table, list) or len(table) < 4:
            raise DecodeError(MALFORMED, "a table is [characteristic, n, [p], [q]]")
        characteristic = uint(table, 0, UINT32_MAX, "characteristic")
        n = uint(table, 1, UINT32_MAX, "n")
        shares = array(table, 2, KNOTS_MAX, "p")
        values = array(table, 3, KNOTS_MAX, "q")
        _check_table(characteristic, n, shares, values)
        if characteristic in tables:
            raise DecodeError(IMPLAUSIBLE, "characteristic %d twice" % characteristic)
        tables[characteristic] = (n, shares, values)
    return Benchmark(uint(items, 1, UINT32_MAX, "epoch"), text(items, 2, TEXT_LENGTH_MAX, "cohort"), pack_id, tables)


def _check_table(characteristic: int, n: int, shares: list, values: list) -> None:
    knots = len(shares)
    if knots == 0 or knots != len(values):
        raise DecodeError(MALFORMED, "characteristic %d: %d shares, %d values" % (characteristic, knots, len(values)))
    if n < FLOOR_MIN or knots > n // PERSONS_PER_KNOT:
        raise DecodeError(IMPLAUSIBLE, "characteristic %d: %d knots over %d persons" % (characteristic, knots, n))
    for i in range(knots):
        share = uint(shares, i, 1000, "p")
        value = integer(values, i, "q")
        if i and (share <= shares[i - 1] or value < values[i - 1]):
            raise DecodeError(IMPLAUSIBLE, "characteristic %d: knots are not in order" % characteristic)
