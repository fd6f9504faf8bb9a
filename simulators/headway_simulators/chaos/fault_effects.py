"""What each kind of fault does to the world, when it begins and when it is over."""

from collections import Counter
from collections.abc import Awaitable, Sequence

from headway_protocol import topics
from headway_protocol.record import HOLDOVER, UNSYNCED
from headway_simulators.chaos.disk_faults import CHANGES, LOOKS, MOMENTS, Cut, Moment, Operation, Refusal, nth
from headway_simulators.chaos.faults import WHOLE
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.people import dice_of
from headway_simulators.chaos.script import Fault
from headway_simulators.chaos.sim_broker import QUEUE_MAX, SimBroker
from headway_simulators.chaos.sim_death import Death
from headway_simulators.chaos.sim_device import SimDevice
from headway_simulators.chaos.sim_operator import SimOperator
from headway_simulators.chaos.sim_server import SimServer
from headway_simulators.chaos.timeline import MINUTE_MS, SECOND_MS, Action, Timeline
from headway_simulators.chaos.weather import DOWN, UP

_SYNCS = ("sync", "sync-folder")


class FaultEffects:
    """Makes the faults of one run happen. It may be told of a fault whose device is not there; nothing happens then."""

    def __init__(
        self,
        seed: int,
        timeline: Timeline,
        journal: Journal,
        broker: SimBroker,
        server: SimServer,
        operator: SimOperator,
        devices: Sequence[SimDevice],
    ) -> None:
        self._seed, self._timeline, self._journal = seed, timeline, journal
        self._broker, self._server, self._devices = broker, server, devices
        self._operator = operator
        self._by_name = {device.name: device for device in devices}
        self._on: Counter[str] = Counter()
        self._over = False
        broker.is_denied = self._denied

    def begin(self, fault: Fault) -> Awaitable[None] | None:
        """A fault begins."""
        self._journal.count("faults", fault.kind)
        self._journal.note(
            self._timeline.now_ms, "fault", fault.kind, f"{fault.device} {fault.for_ms} {fault.n} {fault.m}"
        )
        if fault.kind.startswith("broker-"):
            self._of_broker(fault)
            return None
        if fault.kind.startswith(("server-", "database-")):
            return self._of_server(fault)
        if 0 <= fault.device < len(self._devices):
            if fault.kind in {"offer", "erase"}:
                return self._of_operator(fault, self._devices[fault.device].name)
            self._of_device(fault, self._devices[fault.device])
        return None

    def end_all(self) -> None:
        """From now on nothing fails any more."""
        self._over = True
        self._broker.queue_max = QUEUE_MAX
        self._broker.come_up()
        self._server.wanted_down, self._server.busy = 0, False
        for device in self._devices:
            device.weather.clear()
            device.fail_no_more()
            device.boot_clock = HOLDOVER
            device.clock.set_right()

    def _after(self, fault: Fault, action: Action) -> None:
        def end() -> Awaitable[None] | None:
            return None if self._over else action()

        self._timeline.after(fault.for_ms, end)

    # --- of devices ---------------------------------------------------------------------------------------------

    def _of_device(self, fault: Fault, device: SimDevice) -> None:
        match fault.kind:
            case "cut-up":
                device.weather.cut(UP, fault.n, fault.m)
            case "cut-down":
                device.weather.cut(DOWN, fault.n, fault.m)
            case "noise":
                dice = dice_of(self._seed, "noise", fault.device, fault.at_ms)
                for _ in range(fault.n):
                    channel = dice.choice((topics.UP, topics.STATE))
                    self._broker.publish(device.name, channel, dice.randbytes(dice.randint(1, 60)))
            case "kill":
                for i in range(fault.n):
                    self._timeline.after(i * 2 * MINUTE_MS, lambda: device.kill(fault.for_ms // fault.n))
            case "kill-amid":
                device.fail_at(nth(fault.n, Cut(_moment(fault), power=False)))
            case "power-cut":
                device.fail_at(nth(fault.n, Cut(_moment(fault))))
            case "disk-full":
                device.disk.capacity_bytes = device.disk.used_bytes + fault.n
                self._after(fault, lambda: self._disk_has_room(device))
            case "disk-error":
                device.fail_at(nth(fault.n, Refusal(), (LOOKS, CHANGES, _SYNCS)[fault.m]))
            case "disk-broken":
                end_ms = fault.at_ms + fault.for_ms
                device.fail_at(lambda done: _refused(done) if self._timeline.now_ms < end_ms else None, once=False)
            case "bit-rot":
                device.books.losable.add(fault.kind)
                device.rot(fault.n)
            case "store-lost":
                device.books.losable.add(fault.kind)
                device.lose_store()
            case "clock-jump":
                device.clock.jump(fault.n * SECOND_MS)
                self._after(fault, device.clock.set_right)
            case "clock-unset":
                device.boot_clock = UNSYNCED
                device.kill(SECOND_MS)
                self._after(fault, lambda: self._clock_is_set(device))
            case _:
                device.weather.begin(fault)
                if fault.kind == "offline":
                    device.link.cut()
                elif fault.kind == "half-open":
                    device.link.half_open()
                self._after(fault, lambda: device.weather.end(fault))

    @staticmethod
    def _disk_has_room(device: SimDevice) -> None:
        device.disk.capacity_bytes = None

    @staticmethod
    def _clock_is_set(device: SimDevice) -> None:
        device.boot_clock = HOLDOVER
        device.clock.set_right()

    def _denied(self, name: str, size: int) -> str | None:
        weather = self._by_name[name].weather
        if weather.over_at_ms("denied") is not None:
            return "access denied"
        limit = weather.least("oversize")
        return "too large" if limit is not None and size > limit else None

    # --- of operators -------------------------------------------------------------------------------------------

    def _of_operator(self, fault: Fault, device: str) -> Awaitable[None]:
        if fault.kind == "offer":
            return self._operator.offer(device, fault.n)
        death = None if fault.n == WHOLE else Death(fault.n, fault.m, fault.for_ms)
        return self._operator.erase(device, death)

    # --- of the broker and the server ---------------------------------------------------------------------------

    def _of_broker(self, fault: Fault) -> None:
        if fault.kind == "broker-queue":
            self._broker.queue_max = fault.n
            self._after(fault, self._queue_is_wide)
            return
        self._on["broker"] += 1
        self._broker.go_down(forget=fault.kind == "broker-wipe")
        self._after(fault, self._broker_returns)

    def _queue_is_wide(self) -> None:
        self._broker.queue_max = QUEUE_MAX

    def _broker_returns(self) -> None:
        self._on["broker"] -= 1
        if not self._on["broker"]:
            self._broker.come_up()

    async def _of_server(self, fault: Fault) -> None:
        server = self._server
        match fault.kind:
            case "server-crash":
                server.die_at(fault.n, fault.m, fault.for_ms)
            case "database-busy":
                self._on["busy"] += 1
                server.busy = True
                self._after(fault, self._database_works)
            case "server-down" | "server-restore":
                server.wanted_down += 1
                if fault.kind == "server-restore":
                    await server.restore(copy_name(fault))
                else:
                    await server.stop("stopped")
                self._after(fault, self._server_returns)

    def _database_works(self) -> None:
        self._on["busy"] -= 1
        self._server.busy = self._on["busy"] > 0

    def _server_returns(self) -> Awaitable[None]:
        self._server.wanted_down -= 1
        return self._server.start()


def _moment(fault: Fault) -> Moment:
    return MOMENTS[fault.at_ms % len(MOMENTS)]


def _refused(operation: Operation) -> Refusal | None:
    return Refusal() if operation.kind in CHANGES else None


def copy_name(fault: Fault) -> str:
    """Return the name of the copy of the database that a fault puts in its place."""
    return f"copy-{fault.at_ms}.db"


def copied_at_ms(fault: Fault) -> int:
    """Return when that copy was made."""
    return max(0, fault.at_ms - fault.n * MINUTE_MS)
