"""Puts right what the person reported of a closed day: the record that takes the place of the day's own, and the state."""

from collections.abc import Mapping

import structlog

from headway_edge.calendar_periods import as_date
from headway_edge.core.amendment import amended
from headway_edge.own.kept_episodes import kept_episodes
from headway_edge.own.own_process import OwnProcess
from headway_protocol import counts as packed
from headway_protocol import record

log = structlog.get_logger("headway.agent")


def corrected(
    own: OwnProcess,
    vehicle_class: str,
    payloads: list[bytes],
    wall_ms: int | None,
    day: int,
    reports: Mapping[str, int],
) -> tuple[list[object], dict[str, bytes | None]]:
    """Return (body of the record, state to store with it); the person's totals have changed by then.

    payloads: the device's own records that are still kept. wall_ms: now; None: no clock was ever set. day: local, in
    days since 1970. reports: by the VSS name of the signal, in its quanta; they replace all that was reported of that day.
    Raises ValueError, with the reason, where the day is not known or not to be corrected.
    """
    process = own.process
    if process.pack.kind != "day":
        raise ValueError(f"the process {process.name} has trips; only reports of a day can be corrected")
    of_day = [item for item in kept_episodes(payloads, process, own.utc_offset_min) if item.day == day]
    if not of_day or wall_ms is None:
        raise ValueError(f"no record of the day {as_date(day)} is kept on this device")
    found = of_day[-1]  # a day that was cut by a clock's jump has several: what is reported is of its last
    names = [signal[0] for signal in process.pack.signals]
    unknown = sorted(set(reports) - set(names))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no signal of the process {process.name}")
    wire = packed.unpack(found.counts, len(process.pack.cells))
    by_index = {names.index(name): number for name, number in reports.items()}
    counts = packed.pack(amended(process.pack, vehicle_class, wire, by_index))
    before = [process.numbers(item.counts) for item in of_day]
    after = [*before[:-1], process.numbers(counts)]
    own.totals.exchange(before[-1], after[-1])
    state: dict[str, bytes | None] = {own.key("totals"): own.totals.state()}
    try:
        state |= own.history.corrected(before, after, day)
        own.boot_trips.exchange(*((process.context(n), process.totals(n)) for n in (before[-1], after[-1])))
    except ValueError as error:
        log.warning("agent.history_not_corrected", cause=str(error))
    ago_ms, replaced = max(0, wall_ms - found.start_ms), (found.boot, found.seq)
    body = record.episode_body(process.id, ago_ms, counts, found.gates, found.utc_offset_min, replaced)
    return body, state
