"""`headway service`: what was done to the vehicle, because no sensor knows it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError


class What(StrEnum):
    """What can be reported; the names are those of `headway_protocol.service`."""

    OIL = "oil"
    TYRES = "tyres"
    BATTERY = "battery"
    AIR_FILTER = "air-filter"
    REFUEL = "refuel"
    REPAIR = "repair"


def service(
    what: Annotated[What, typer.Argument(help="What was changed; refuel; repair.")],
    days_ago: Annotated[int, typer.Option(min=0, max=3650, help="How many days ago.")] = 0,
    odometer_km: Annotated[int | None, typer.Option(min=0, help="What the odometer showed.")] = None,
    litres: Annotated[float | None, typer.Option(min=0.001, help="With refuel: how much.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with the device's settings.")] = None,
    store: Annotated[Path | None, typer.Option(help="Overrides the settings: the outbox file.")] = None,
) -> None:
    """Tell the device of an oil change, new tyres, a battery, an air filter, a refuel, or a repair.

    What was changed is counted anew from then on, a repair settles all advice on warning codes, and the server hears of it with
    the next records. The agent of this store
    must not be running: stop it, tell, start it again; it goes on with the trip.

    Example:

        headway service oil --days-ago 3 --odometer-km 84210
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import random

        from headway_edge import packs
        from headway_edge.agent import Agent
        from headway_edge.clock import SystemClock
        from headway_edge.settings import read_settings
        from headway_edge.store.first_boot import first_boot
        from headway_edge.store.outbox import Outbox
        from headway_edge.wall_time import SYNCED_MS, floor_of
        from headway_protocol import service as protocol
        from headway_protocol.errors import EncodeError

        codes = {
            What.OIL: protocol.OIL_CHANGED,
            What.TYRES: protocol.TYRES_CHANGED,
            What.BATTERY: protocol.BATTERY_CHANGED,
            What.AIR_FILTER: protocol.AIR_FILTER_CHANGED,
            What.REFUEL: protocol.REFUELLED,
            What.REPAIR: protocol.REPAIRED,
        }
        if (what == What.REFUEL) != (litres is not None):
            raise SimulatorError("--litres goes with refuel, and refuel needs it.")
        settings = read_settings(config, store=store)
        clock, generator = SystemClock(), random.SystemRandom()
        first = first_boot(clock.wall()[0], generator.randint)
        outbox = Outbox(settings.store, first_boot=first, budget_bytes=settings.store_bytes_max)
        clock.judge.floor_ms = floor_of(outbox.load(SYNCED_MS))
        try:
            agent = Agent(
                outbox,
                None,
                clock,
                generator.randint,
                packs.load(settings.pack),
                settings.vehicle_class,
                settings.period_ms,
                utc_offset_min=settings.utc_offset_min,
                factors=settings.factors,
            )
            millilitres = None if litres is None else round(litres * 1000)
            try:
                agent.serviced(codes[what], days_ago * 86_400_000, odometer_km, millilitres)
            except EncodeError as error:
                raise SimulatorError(f"this cannot be: {error}. Check the numbers.") from error
            if agent.unsaved:
                raise SimulatorError(
                    f"{settings.store} takes no records: the disk is full or fails. Free some space; tell again."
                )
            print("\n".join(["Kept; the server hears of it with the next records.", *agent.consumable_lines()]))  # noqa: T201
        finally:
            outbox.close()
