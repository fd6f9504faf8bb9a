"""What a pack counts, summed over the rows of each trip."""

from typing import Any

import numpy as np

from headway_edge.core.pack import Pack
from headway_edge.core.pack_limits import NUMBER_MAX
from headway_edge.core.program import INTEGRAL, SIGNED, TIME
from headway_server.bulk.expressions import Condition, Evaluation, Number, both
from headway_server.bulk.rows import Rows
from headway_server.bulk.samples import Integers

_TABLE_MAX = 1 << 17  # numbers that a table of bands may cover


def accumulate(item: list[Any], places: list[int], evaluation: Evaluation, rows: Rows) -> list[Integers]:
    """Return the cells of one accumulator of a pack, each of shape (trips): ms, m, counts or the number's own quanta.

    item: as in the compiled pack. places: of the nodes that it reads.
    """
    place = places[0]
    kind = item[0]
    if kind == "time":
        return [_sum_where(evaluation.condition(place), rows.weights_ms, rows)]
    if kind == "metres":
        return [_sum_where(evaluation.condition(place), rows.steps_m, rows)]
    if kind == "edges":
        return [_edges(evaluation.condition(place), rows)]
    number = evaluation.number(place)
    if kind in {"sum", "integral"} and len(places) > 1:
        number = number[0], both(number[1], evaluation.condition(places[1]))
    if kind == "bands":
        return _bands(number, item[2], rows)
    if number[1] is False:
        return [np.zeros(len(rows.starts), np.int64)]
    if kind == "first":
        return [_first(number, rows)]
    if kind == "last":
        return [_last(number, rows)]
    if kind == "sum":
        return [_sum(number, rows)]
    if kind == "integral":
        return [_per_trip(_where_valid(number) * rows.weights_ms, rows)]
    return [_extreme(number, rows, np.maximum if kind == "max" else np.minimum)]


def wire(pack: Pack, numbers: Integers) -> Integers:
    """Return trips' numbers, shape (trips, cells), as `headway_edge.core.episode.wire_numbers` gives them."""
    found = numbers.copy()
    for column, (kind, _) in enumerate(pack.cells):
        if kind in {TIME, INTEGRAL}:
            found[:, column] = (found[:, column] + 50) // 100
        if kind >= SIGNED:
            signed = found[:, column]
            found[:, column] = np.where(signed >= 0, 2 * signed, -2 * signed - 1)
    return found


def _per_trip(numbers: Integers, rows: Rows) -> Integers:
    totals: Integers = np.add.reduceat(numbers, rows.kept_ranges)[::2]
    return totals


def _sum_where(condition: Condition, amounts: Integers, rows: Rows) -> Integers:
    if condition is False:
        return np.zeros(len(rows.starts), np.int64)
    return _per_trip(amounts if condition is True else np.where(condition, amounts, 0), rows)


def _edges(condition: Condition, rows: Rows) -> Integers:
    # What is the same everywhere has no edges.
    counts = np.zeros(len(rows.starts), np.int64)
    if isinstance(condition, bool):
        return counts
    edges = np.flatnonzero(condition[1:] & ~condition[:-1]) + 1
    trip = rows.trip_of(edges)
    is_counted = (edges > rows.starts[trip]) & (edges < rows.kept[trip])
    counts += np.bincount(trip[is_counted], minlength=len(counts))
    return counts


def _where_valid(number: Number) -> Integers | int:
    numbers, is_valid = number
    return numbers if isinstance(is_valid, bool) else np.where(is_valid, numbers, 0)


def _sum(number: Number, rows: Rows) -> Integers:
    numbers = _where_valid(number)
    if isinstance(numbers, int):
        return numbers * (rows.kept - rows.starts)
    return _per_trip(numbers, rows)


def _extreme(number: Number, rows: Rows, of: np.ufunc) -> Integers:
    numbers, is_valid = number
    if isinstance(numbers, int):
        numbers = np.full(len(rows), numbers, np.int64)
    if isinstance(is_valid, bool):
        found: Integers = of.reduceat(numbers, rows.kept_ranges)[::2]
        return found
    nothing = NUMBER_MAX + 1 if of is np.minimum else -NUMBER_MAX - 1
    found = of.reduceat(np.where(is_valid, numbers, nothing), rows.kept_ranges)[::2]
    return np.where(found == nothing, 0, found)


def _first(number: Number, rows: Rows) -> Integers:
    numbers, is_valid = number
    if isinstance(numbers, int):
        numbers = np.full(len(rows), numbers, np.int64)
    if isinstance(is_valid, bool):
        return numbers[rows.starts]
    valid = np.append(np.flatnonzero(is_valid), len(rows))
    row = valid[np.searchsorted(valid, rows.starts)]
    return np.where(row < rows.kept, numbers[np.minimum(row, len(rows) - 1)], 0)


def _last(number: Number, rows: Rows) -> Integers:
    numbers, is_valid = number
    if isinstance(numbers, int):
        numbers = np.full(len(rows), numbers, np.int64)
    if isinstance(is_valid, bool):
        return numbers[rows.kept - 1]
    valid = np.flatnonzero(is_valid)
    if not len(valid):
        return np.zeros(len(rows.starts), np.int64)
    place = np.searchsorted(valid, rows.kept) - 1
    row = valid[np.maximum(place, 0)]
    return np.where((place >= 0) & (row >= rows.starts), numbers[row], 0)


def _bands(number: Number, edges: list[int], rows: Rows) -> list[Integers]:
    numbers, is_valid = number
    trips, bands = len(rows.starts), len(edges) + 1
    weights = rows.weights_ms
    if is_valid is False:
        return [np.zeros(trips, np.int64) for _ in range(bands)]
    if not isinstance(is_valid, bool):
        weights = np.where(is_valid, weights, 0)
    # Sums of whole ms in floating point are exact up to 2^53.
    cells = rows.trip * bands + _band_of(numbers, edges)
    totals = np.bincount(cells, weights, minlength=trips * bands).astype(np.int64).reshape(trips, bands)
    return list(totals.T)


def _band_of(numbers: Integers | int, edges: list[int]) -> Integers | int:
    if isinstance(numbers, int):
        return int(np.searchsorted(edges, numbers, side="right"))
    span = edges[-1] - edges[0]
    if span > _TABLE_MAX:
        return np.searchsorted(edges, numbers, side="right")
    # A table is several times as fast as searching: one entry for each number from below the first edge to the last.
    table = np.searchsorted(edges, np.arange(edges[0] - 1, edges[-1] + 1), side="right")
    return table[np.clip(numbers, edges[0] - 1, edges[-1]) - (edges[0] - 1)]
