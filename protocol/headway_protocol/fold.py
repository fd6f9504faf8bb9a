"""The body of a DAY record: the merged totals of episodes that had to give room on the device, in their place.

    [pack_id, day / null, span, context, trips, distance_m, totals, [[boot, first_seq, last_seq], ...]]

A device whose store is full keeps what its episodes add up to rather than a part of them: first those of a day become one
record, then those of a month. The ranges name every record whose place it takes, earlier DAY records with all that those
named. So it does not matter which of them the receiver has already or will still get, nor in which order: what is named
counts no more. A name may be of a record that was never kept anywhere else.

Totals are in the order of the pack's period, zigzag (0, -1, 1, -2, ...) in the form of `headway_protocol.counts`.

>>> body = day_body(bytes(8), 19675, DAY_SPAN, 1, 3, 25400, pack_totals([3, -7, 0, 25400]), [(2, 5, 6), (2, 9, 9)])
>>> body[6].hex(), body[7]
('060d0000f08c03', [[2, 5, 6], [2, 9, 9]])
>>> parse_day(body)[:6], unpack_totals(parse_day(body)[6], 4), named(parse_day(body)[7], 2, 9)
((b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00', 19675, 1, 1, 3, 25400), [3, -7, 0, 25400], True)
"""

from headway_protocol import counts
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import TIME_MS_MAX, UINT32_MAX, array, check_length, octets, readable, uint
from headway_protocol.record import COUNTS_BYTES_MAX, PACK_ID_BYTES

# What `day` begins.
DAY_SPAN = 1
MONTH_SPAN = 2

DAY_MAX = TIME_MS_MAX // 86400000
CONTEXT_MAX = 255
DISTANCE_M_MAX = (1 << 53) - 1
RANGES_MAX = 200  # what fits into a record, at the least bytes each
TOTAL_MAX = (1 << 62) - 1


def day_body(
    pack_id: bytes,
    day: "int | None",
    span: int,
    context: int,
    trips: int,
    distance_m: int,
    totals: bytes,
    ranges: list,
) -> list:
    """Return the body of a DAY.

    pack_id: of the definition that the totals are of. day: local, in days since 1970, the first of what it spans; None: of
    episodes whose start no clock knew. span: DAY_SPAN or MONTH_SPAN. context: which contexts of the pack they are in, as
    bits. trips: how many episodes it stands for. totals: from `pack_totals`. ranges: [(boot, first_seq, last_seq), ...] of the
    records whose place it takes, ascending and apart from each other. Raises EncodeError for a body that `parse_day` refuses.
    """
    body = [pack_id, day, span, context, trips, distance_m, totals, [list(item) for item in ranges]]
    return readable(parse_day, body)


def parse_day(body: list) -> tuple:
    """Return (pack_id, day, span, context, trips, distance_m, totals, ranges), totals still packed. Raises DecodeError."""
    check_length(body, 8, "day")
    day = None if body[1] is None else uint(body, 1, DAY_MAX, "day")
    span = uint(body, 2, MONTH_SPAN, "span", DAY_SPAN)
    if day is None and span != DAY_SPAN:
        raise DecodeError(IMPLAUSIBLE, "a month that is not known")
    found = []  # type: list
    records = 0
    before = (0, 0)
    for item in array(body, 7, RANGES_MAX, "ranges"):
        if not isinstance(item, list) or len(item) < 3:
            raise DecodeError(MALFORMED, "a range is [boot, first_seq, last_seq]")
        boot, first, last = (
            uint(item, i, UINT32_MAX, name, 1) for i, name in enumerate(("boot", "first_seq", "last_seq"))
        )
        if first > last or (boot, first) <= before:
            raise DecodeError(IMPLAUSIBLE, "seq %d..%d of boot %d: ranges ascend and are apart" % (first, last, boot))
        found.append((boot, first, last))
        before = (boot, last + 1)
        records += last - first + 1
    trips = uint(body, 4, UINT32_MAX, "trips", 1)
    if trips > records:
        raise DecodeError(IMPLAUSIBLE, "%d trips of %d records" % (trips, records))
    return (
        octets(body, 0, PACK_ID_BYTES, "pack_id", PACK_ID_BYTES),
        day,
        span,
        uint(body, 3, CONTEXT_MAX, "context"),
        trips,
        uint(body, 5, DISTANCE_M_MAX, "distance_m"),
        octets(body, 6, COUNTS_BYTES_MAX, "totals"),
        found,
    )


def pack_totals(totals: list) -> bytes:
    """Return totals, each within +-TOTAL_MAX, as bytes. Raises EncodeError outside it."""
    for total in totals:
        if not -TOTAL_MAX <= total <= TOTAL_MAX:
            raise EncodeError("a total of %d" % total)
    return counts.pack([2 * total if total >= 0 else -2 * total - 1 for total in totals])


def unpack_totals(data: bytes, length: int) -> list:
    """Return the `length` totals that `data` stands for. Raises DecodeError."""
    return [-(coded + 1) // 2 if coded & 1 else coded // 2 for coded in counts.unpack(data, length)]


def named(ranges: list, boot: int, seq: int) -> bool:
    """Tell whether a record is in `ranges`."""
    for of_boot, first, last in ranges:
        if of_boot == boot and first <= seq <= last:
            return True
    return False
