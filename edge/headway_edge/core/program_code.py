"""The source of a pack's program: two functions, and the constants that `headway_edge.core.program.Program` reads.

It consists of integers, the operators that `headway_edge.core.pack_trees` knows, and names of our own; nothing of the
pack's text gets into it but its name and the class's, in hexadecimal.

    screen(s)                                   signals out of their range become MISSING
    fold(c, x, s, ages, more, history, dt, weight, near, first, step) -> flags

c: cells (accumulators as laid out in the core). x: the state between samples. s: signals. ages: for an event that has
just been counted, how long ago it fired (ms). more: how often it did, and how much later (ms) the second to fourth time,
where firings waited together; four numbers an event. step: metres of this sample. near, first: 0 or 1. flags: bit 2 + i
for event i counted. history: a sample has been begun in it before (`push`).
"""

from binascii import hexlify

from headway_edge.core.expression_code import ExpressionWriter
from headway_edge.core.program import FIRINGS_TOLD, FORMAT, HOLD_MS_MAX, MISSING, WIDE_BITS


class ProgramWriter(ExpressionWriter):
    """Writes the source; arguments as of `ExpressionWriter`."""

    def functions(self) -> None:
        """Write the two functions."""
        self._emit("def fold(c, x, s, ages, more, history, dt, weight, near, first, step):", 0)
        for i in range(len(self._pack.signals)):
            self._emit("s%d = s[%d]" % (i, i))
        self._accumulators()
        self._events()
        self._emit("def screen(s):", 0)
        for i, signal in enumerate(self._pack.signals):
            if i != self._pack.speed:
                self._emit("if not %d <= s[%d] <= %d: s[%d] = %d" % (signal[4], i, signal[5], i, MISSING))
        self._emit("return 0")

    def constants(self, vehicle_class: str) -> None:
        """Write the constants, which are known once the functions are written."""
        pack, plan = self._pack, self.plan
        speed_max = pack.signals[pack.speed][5] if pack.speed >= 0 else 0
        self._emit("FORMAT = %d" % FORMAT, 0)
        # One name, not twenty that a device would keep; in the order in which `Program` reads them.
        self._emit("FACTS = (", 0)
        for value in (
            _hexadecimal(pack.id),
            _hexadecimal(pack.name.encode("utf-8")),
            pack.version,
            pack.kind,
            _hexadecimal(vehicle_class.encode("utf-8")),
            tuple(pack.rules),
            "".join([str(kind) for kind, _ in pack.cells]),
            (pack.speed, pack.engine_speed, pack.ignition, pack.clock),
            speed_max,
            len(pack.signals),
            tuple(plan.state_start),
            plan.columns,
            plan.window_ms,
            plan.core_cells,
            tuple(plan.event_state),
            tuple(plan.lasting),
            plan.away,
        ):
            self._emit("%r," % (value,))
        self._emit(")", 0)

    # --- accumulators -----------------------------------------------------------------------------------------------

    def _accumulators(self) -> None:
        for item in self._pack.accumulators:
            cell = self.plan.core_cells
            self.plan.core_cells += self._accumulator(item, cell)

    def _accumulator(self, item: list, cell: int) -> int:
        # Writes the lines of one accumulator; returns how many cells it takes in the core.
        kind = item[0]
        if kind in ("time", "metres"):
            amount = "weight" if kind == "time" else "step"
            self._emit("if %s: c[%d] += %s" % (self._condition(item[1]), cell, amount))
            return 1
        if kind == "edges":
            place = self._new_state(0)
            self._emit("if not %s: x[%d] = 0" % (self._condition(item[1]), place))
            self._emit("elif not x[%d]:" % place)
            self._emit("x[%d] = 1" % place, 2)
            self._emit("if not first: c[%d] += 1" % cell, 2)
            return 1
        text, guards = self._number(item[1])
        name = "n"  # each name is kept by a device for good, so what is used in the next line only has always the same
        self._emit("%s = %s" % (name, self._guarded(text, guards)))
        level = 1
        tests = ["%s != %d" % (name, MISSING)] if guards else []
        if kind in ("sum", "integral") and len(item) == 3:
            tests.append(self._condition(item[2]))
        if tests:
            self._emit("if %s:" % " and ".join(tests))
            level = 2
        if kind == "first":
            place = self._new_state(0)
            self._emit("if not x[%d]: c[%d] = %s" % (place, cell, name), level)
            self._emit("x[%d] = 1" % place, level)
        elif kind == "last":
            self._emit("c[%d] = %s" % (cell, name), level)
        elif kind == "max" or kind == "min":  # noqa: PLR1714 - MicroPython would build a tuple
            place = self._new_state(0)
            sign = ">" if kind == "max" else "<"
            self._emit("if not x[%d] or %s %s c[%d]: c[%d] = %s" % (place, name, sign, cell, cell, name), level)
            self._emit("x[%d] = 1" % place, level)
        elif kind in ("sum", "integral"):
            mask = (1 << WIDE_BITS) - 1
            times = " * weight" if kind == "integral" else ""
            self._emit("%s = %s%s + c[%d]" % (name, name, times, cell), level)
            self._emit("c[%d] = %s & %d" % (cell, name, mask), level)
            self._emit("c[%d] += %s >> %d" % (cell + 1, name, WIDE_BITS), level)
            return 2
        else:
            self._bands(name, item[2], cell, 0, level)
            return len(item[2]) + 1
        return 1

    def _bands(self, name: str, edges: list, cell: int, first: int, level: int) -> None:
        # Halving, so that 17 bands take four comparisons.
        if not edges:
            self._emit("c[%d] += weight" % (cell + first), level)
            return
        middle = len(edges) // 2
        self._emit("if %s < %d:" % (name, edges[middle]), level)
        self._bands(name, edges[:middle], cell, first, level + 1)
        self._emit("else:", level)
        self._bands(name, edges[middle + 1 :], cell, first + middle + 1, level + 1)

    # --- events -----------------------------------------------------------------------------------------------------

    def _events(self) -> None:
        events = self._pack.events
        if not events:
            self._emit("return 0")
            return
        self._emit("flags = fired = 0")
        for i, event in enumerate(events):
            hold_ms, quiet_ms = self._literal(event[1]), self._literal(event[2])
            base = self._new_state(0)
            self._new_state(HOLD_MS_MAX + 1)
            for _ in range(2 + FIRINGS_TOLD - 1):
                self._new_state(0)
            self.plan.event_state.append(base)
            condition = self._condition(event[0])
            if hold_ms:
                held = self._held("(near and %s)" % condition)
                condition = "(x[%d] >= 0 and %s >= %d)" % (len(self.plan.state_start) - 1, held, hold_ms)
            self._emit("if x[%d] <= %d: x[%d] += dt" % (base + 1, HOLD_MS_MAX, base + 1))
            self._emit("up = 1 if near and %s else 0" % condition)
            quiet = " and x[%d] >= %d" % (base + 1, quiet_ms) if quiet_ms else ""
            self._emit("if up and not x[%d]%s: fired |= %d; x[%d] = 0" % (base, quiet, 1 << i, base + 1))
            self._emit("x[%d] = up" % base)
        for i, event in enumerate(events):
            self._settle(i, event, self.plan.core_cells + i)
        self.plan.core_cells += len(events)
        self._emit("return flags")

    def _settle(self, i: int, event: list, cell: int) -> None:
        base = self.plan.event_state[i]
        suppressors, wait_ms = event[3], self._literal(event[4])
        told = FIRINGS_TOLD * i
        count = ("c[%d] += " % cell) + "%s; flags |= " + str(4 << i)
        if suppressors:
            places = [self.plan.event_state[k] for k in suppressors]
            up = " or ".join(["x[%d] or x[%d] <= %d" % (place, place + 1, wait_ms) for place in places])
            self._emit("if fired & %d and (%s): fired -= %d" % (1 << i, up, 1 << i))
        if not suppressors or not wait_ms:
            self._emit("if fired & %d:" % (1 << i))
            self._emit("ages[%d] = 0; more[%d] = 1; %s" % (i, told, count % "1"), 2)
            return
        fired = " or ".join(["x[%d] == 0" % (self.plan.event_state[k] + 1) for k in suppressors])
        self._emit("if x[%d]:" % (base + 2))
        self._emit("x[%d] += dt" % (base + 3), 2)
        # One that fires on the first sample after the wait is too late.
        self._emit("if x[%d] <= %d and (%s): x[%d] = 0" % (base + 3, wait_ms, fired, base + 2), 2)
        self._emit("elif x[%d] >= %d or not near:" % (base + 3, wait_ms), 2)
        self._emit("ages[%d] = x[%d]; more[%d] = x[%d]" % (i, base + 3, told, base + 2), 3)
        for k in range(1, FIRINGS_TOLD):
            self._emit("more[%d] = x[%d]" % (told + k, base + 3 + k), 3)
        self._emit("%s; x[%d] = 0" % (count % ("x[%d]" % (base + 2)), base + 2), 3)
        self._emit("if fired & %d:" % (1 << i))
        self._emit("if not x[%d]: x[%d] = 0" % (base + 2, base + 3), 2)
        self._emit("elif x[%d] < %d: x[%d + x[%d]] = x[%d]" % (base + 2, FIRINGS_TOLD, base + 3, base + 2, base + 3), 2)
        self._emit("x[%d] += 1" % (base + 2), 2)


def _hexadecimal(data: bytes) -> str:
    return str(hexlify(data), "ascii")
