"""Putting a day right: what a person reports late or wrong, counted again after the day was closed.

What a person reports (signals of role "report", such as drinks) stands apart from what is measured: no accumulator reads
both, which every device checks (`headway_edge.core.day_pack`). So a closed day can be counted again from its numbers and the
report alone, by the pack's own code; the samples are gone.
"""

from headway_edge.core.day import DayCore
from headway_edge.core.day_pack import REPORTED, reads
from headway_edge.core.episode import wire_numbers
from headway_edge.core.pack import Pack
from headway_edge.core.pack_limits import REPORT


def amended(pack: Pack, vehicle_class: str, numbers: list, reports: dict) -> list:
    """Return the wire numbers of a closed day with its reports replaced.

    numbers: as `headway_edge.core.episode.wire_numbers` gives them. reports: {index of a signal of role "report": number}; they
    take the place of all that was reported in that day, as if in a single epoch; a signal left out was not reported.
    Accumulators that read no report keep their numbers. Raises ValueError for another signal, a number out of its range, or
    numbers that are not of this pack.
    """
    if len(numbers) != len(pack.cells):
        raise ValueError("%d numbers; a day of pack %s has %d" % (len(numbers), pack.name, len(pack.cells)))
    core = DayCore(pack, vehicle_class)
    for index, number in reports.items():
        if not 0 <= index < len(pack.signals) or pack.signals[index][7] != REPORT:
            raise ValueError("signal %r of pack %s is not reported by a person" % (index, pack.name))
        signal = pack.signals[index]
        if not signal[4] <= number <= signal[5]:
            raise ValueError("%s: %d is not in %d..%d" % (signal[0], number, signal[4], signal[5]))
        core.signals[index] = number
    core.update(0)
    counted = wire_numbers(pack, core._cells)
    found = list(numbers)
    place = 2  # after elapsed time and distance
    for item in pack.accumulators:
        width = len(item[2]) + 1 if item[0] == "bands" else 1
        if reads(pack, item[1:]) == REPORTED:
            found[place : place + width] = counted[place : place + width]
        place += width
    return found
