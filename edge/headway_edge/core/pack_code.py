"""Code from a pack: the device writes the function that folds a sample, once, and then just runs it.

Walking trees on every sample would cost several times a hand-written version. The source made here consists of integers,
the operators listed in `headway_edge.core.pack` and names of our own; nothing of the pack's text gets into it.

`generate` gives the source of two functions:

    screen(s)                                   signals out of their range become MISSING
    fold(c, x, s, ages, more, history, dt, weight, near, first, step) -> flags

c: cells (accumulators as laid out in the core). x: the state between samples. s: signals. ages: for an event that has
just been counted, how long ago it fired (ms). more: how often it did, and how much later (ms) the second to fourth time,
where firings waited together; four numbers an event. step: metres of this sample. near, first: 0 or 1. flags: bit 2 + i for event
i counted.
"""

from headway_edge.core.operators import compare
from headway_edge.core.pack import HOLD_MS_MAX, MISSING, Pack

WIDE_BITS = 20
FIRINGS_TOLD = 4  # of those of an event that waited together; further ones are counted, at the time of the last


class Plan:
    """What a generated function needs around it.

    state_start: initial values of x. columns: of the history. window_ms: how far the history must reach (0: no history).
    places: for each accumulator of the pack, its first cell in the core. core_cells: how many cells the core has.
    event_state: where in x each event's numbers begin: up, fired ms ago, waiting, age of the first that waits, and how
    much later the others fired.
    """

    def __init__(self) -> None:
        self.state_start = []  # type: list
        self.columns = 0
        self.window_ms = 0
        self.places = []  # type: list
        self.core_cells = 2
        self.event_state = []  # type: list


def generate(pack: Pack, vehicle_class: str) -> tuple:
    """Return (source, Plan) for one vehicle class of a pack. Raises ValueError for a class it does not know."""
    writer = _Writer(pack, pack.parameters[pack.class_index(vehicle_class)])
    return writer.source(), writer.plan


class _Writer:
    def __init__(self, pack: Pack, parameters: list) -> None:
        self._pack = pack
        self._parameters = parameters
        self.plan = Plan()
        self._lines = []  # type: list
        self._history = {}  # type: dict
        self._temporaries = 0
        self._sought_ms = 0
        self._pushes = []  # type: list

    def source(self) -> str:
        body = self._body()
        lines = self._screen()
        lines.append("def fold(c, x, s, ages, more, history, dt, weight, near, first, step):")
        for i in range(len(self._pack.signals)):
            lines.append(" s%d = s[%d]" % (i, i))
        if self.plan.columns:
            lines.append(" if not near: history.reset()")
            lines.append(" history.push(dt if near else 0)")
        lines.extend(body)
        return "\n".join(lines) + "\n"

    def _screen(self) -> list:
        lines = ["def screen(s):"]
        for i, signal in enumerate(self._pack.signals):
            if i != self._pack.speed:
                lines.append(" if not %d <= s[%d] <= %d: s[%d] = %d" % (signal[4], i, signal[5], i, MISSING))
        return lines + [" return 0"]

    def _body(self) -> list:
        self._accumulators()
        self._events()
        return self._lines

    def _emit(self, line: str, level: int = 1) -> None:
        self._lines.append(" " * level + line)

    def _new_state(self, start: int) -> int:
        self.plan.state_start.append(start)
        return len(self.plan.state_start) - 1

    def _new_name(self) -> str:
        self._temporaries += 1
        return "t%d" % self._temporaries

    def _guarded(self, text: str, guards: list) -> str:
        if not guards:
            return text
        return "(%s) if %s else %d" % (text, " and ".join(["%s != %d" % (name, MISSING) for name in guards]), MISSING)

    # --- numbers and conditions: text, and the names that may be MISSING --------------------------------------------

    def _number(self, tree: object) -> tuple:
        if not isinstance(tree, list):
            text = str(tree)
            return (text if text[0] != "-" else "(" + text + ")"), []
        operator = tree[0]
        if operator == "s":
            return "s%d" % tree[1], [] if tree[1] == self._pack.speed else ["s%d" % tree[1]]
        if operator == "v":
            return self._value(tree[1])
        if operator == "p":
            return self._number(self._parameters[tree[1]])
        if operator == "lag":
            return self._lag(tree)
        if operator in ("turn", "turned"):
            return self._turn(tree)
        if operator == "held":
            return self._held(self._condition(tree[1])), []
        if operator == "abs":
            text, guards = self._number(tree[1])
            return "abs(%s)" % text, guards
        a, guards = self._number(tree[1])
        b, more = self._number(tree[2])
        guards = guards + [name for name in more if name not in guards]
        if operator in ("min", "max"):
            return "%s(%s, %s)" % (operator, a, b), guards
        if operator == "round":
            return "(%s + %d) // %s" % (a, tree[2] // 2, b), guards
        return "(%s %s %s)" % (a, operator, b), guards

    def _value(self, index: int) -> tuple:
        # Computed where it is first needed, so that what a class does not use costs it nothing.
        name = "v%d" % index
        if name not in self._history:
            text, guards = self._number(self._pack.values[index])
            self._emit("%s = %s" % (name, self._guarded(text, guards)))
            self._history[name] = bool(guards)
        return name, [name] if self._history[name] else []

    def _condition(self, tree: list) -> str:
        guards, text = self._test(tree)
        if not guards:
            return text
        return "(" + " and ".join(["%s != %d" % (name, MISSING) for name in guards] + [text]) + ")"

    def _test(self, tree: list) -> tuple:
        # Returns (names that must not be MISSING, text); a text of "0" or "1" is known already.
        operator = tree[0]
        if operator == "and":
            return self._all(tree[1:])
        if operator == "or":
            texts = []
            for operand in tree[1:]:
                text = self._condition(operand)
                if text == "1":
                    return [], "1"
                if text != "0":
                    texts.append(text)
            return [], ("(" + " or ".join(texts) + ")" if texts else "0")
        if operator == "not":
            text = self._condition(tree[1])
            return [], {"0": "1", "1": "0"}.get(text) or "(not %s)" % text
        if not isinstance(self._literal(tree[1]), list) and not isinstance(self._literal(tree[2]), list):
            return [], "1" if compare(operator, self._literal(tree[1]), self._literal(tree[2])) else "0"
        a, guards = self._number(tree[1])
        b, more = self._number(tree[2])
        return guards + [name for name in more if name not in guards], "%s %s %s" % (a, operator, b)

    def _all(self, operands: list) -> tuple:
        # Whatever is missing makes all of it false, so each name is looked at once.
        names = []  # type: list
        texts = []  # type: list
        for operand in operands:
            guards, text = self._test(operand)
            if text == "0":
                return [], "0"
            if text != "1":
                texts.append(text)
            names.extend([name for name in guards if name not in names])
        return names, ("(" + " and ".join(texts) + ")" if texts else "1")

    def _literal(self, tree: object) -> object:
        # A class's parameter is as good as a literal.
        return self._parameters[tree[1]] if isinstance(tree, list) and tree[0] == "p" else tree

    # --- looking back -----------------------------------------------------------------------------------------------

    def _column(self, key: str, line: str) -> int:
        # One column for each number looked back at; filled right before the first look.
        if key not in self._history:
            self._history[key] = self.plan.columns
            self._emit(line % self.plan.columns)
            self.plan.columns += 1
        return self._history[key]

    def _seek(self, back_ms: int) -> str:
        # Each look seeks anew: a later one may be at another time.
        name = self._new_name()
        self._emit("%s = history.seek(%d)" % (name, back_ms))
        self.plan.window_ms = max(self.plan.window_ms, back_ms)
        return name

    def _lag(self, tree: list) -> tuple:
        source, _ = self._number(tree[1])
        key = "lag %s %d" % (source, tree[2])
        if key in self._history:
            return self._history[key], [self._history[key]]
        column = self._column("column " + source, "history.put(%%d, %s)" % source)
        found = self._seek(tree[2])
        wrap = self._pack.signals[tree[1][1]][6] if tree[1][0] == "s" else 0
        read = "history.wrapped(%d, %d)" % (column, wrap) if wrap else "history.value(%d)" % column
        name = self._new_name()
        self._emit("%s = %s if %s else %d" % (name, read, found, MISSING))
        self._history[key] = name
        return name, [name]

    def _turn(self, tree: list) -> tuple:
        operator, signal, back_ms = tree
        key = "%s %d %d" % (operator, signal, back_ms)
        if key in self._history:
            return self._history[key], [self._history[key]]
        change = self._change(signal)
        text = change if operator == "turn" else "abs(%s)" % change
        column = self._column("column %s %d" % (operator, signal), "history.add(%%d, %s)" % text)
        found = self._seek(back_ms)
        name = self._new_name()
        there = "%s and x[%d] >= history.covered_ms" % (found, self._history["run %d" % signal])
        self._emit("%s = history.since(%d) if %s else %d" % (name, column, there, MISSING))
        self._history[key] = name
        return name, [name]

    def _change(self, signal: int) -> str:
        # The wrapped change since the sample before, 0 where there is none; and for how long none was missing.
        key = "change %d" % signal
        if key in self._history:
            return self._history[key]
        before, run = self._new_state(MISSING), self._new_state(-1)
        wrap = self._pack.signals[signal][6]
        name = self._new_name()
        self._emit("%s = 0" % name)
        self._emit("if s%d == %d: x[%d] = -1" % (signal, MISSING, run))
        self._emit("elif near and x[%d] >= 0:" % run)
        self._emit("%s = (s%d - x[%d] + %d) %% %d - %d" % (name, signal, before, wrap + wrap // 2, wrap, wrap // 2), 2)
        self._emit("if x[%d] < %d: x[%d] += dt" % (run, HOLD_MS_MAX, run), 2)
        self._emit("else: x[%d] = 0" % run)
        self._emit("x[%d] = s%d" % (before, signal))
        self._history["run %d" % signal] = run
        self._history[key] = name
        return name

    def _held(self, condition: str) -> str:
        place = self._new_state(-1)
        name = self._new_name()
        self._emit("if not %s: x[%d] = -1" % (condition, place))
        self._emit("elif near and x[%d] >= 0: x[%d] = min(x[%d] + dt, %d)" % (place, place, place, HOLD_MS_MAX))
        self._emit("else: x[%d] = 0" % place)
        self._emit("%s = max(x[%d], 0)" % (name, place))
        return name

    # --- accumulators -----------------------------------------------------------------------------------------------

    def _accumulators(self) -> None:
        for item in self._pack.accumulators:
            cell = self.plan.core_cells
            self.plan.places.append(cell)
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
        name = self._new_name()
        self._emit("%s = %s" % (name, self._guarded(text, guards)))
        level = 1
        tests = ["%s != %d" % (name, MISSING)] if guards else []
        if kind == "sum" and len(item) == 3:
            tests.append(self._condition(item[2]))
        if tests:
            self._emit("if %s:" % " and ".join(tests))
            level = 2
        if kind == "last":
            self._emit("c[%d] = %s" % (cell, name), level)
        elif kind == "max" or kind == "min":  # noqa: PLR1714 - MicroPython would build a tuple
            place = self._new_state(0)
            sign = ">" if kind == "max" else "<"
            self._emit("if not x[%d] or %s %s c[%d]: c[%d] = %s" % (place, name, sign, cell, cell, name), level)
            self._emit("x[%d] = 1" % place, level)
        elif kind == "sum":
            mask = (1 << WIDE_BITS) - 1
            self._emit("%s += c[%d]" % (name, cell), level)
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
        self._emit("flags = 0")
        # Times may be parameters: from here on they are numbers.
        events = [
            [item[0], self._literal(item[1]), self._literal(item[2]), item[3], self._literal(item[4])]
            for item in events
        ]
        for i, event in enumerate(events):
            base = self._new_state(0)
            self._new_state(HOLD_MS_MAX + 1)
            for _ in range(2 + FIRINGS_TOLD - 1):
                self._new_state(0)
            self.plan.event_state.append(base)
            condition = self._condition(event[0])
            if event[1]:
                held = self._held("(near and %s)" % condition)
                condition = "(x[%d] >= 0 and %s >= %d)" % (len(self.plan.state_start) - 1, held, event[1])
            self._emit("if x[%d] <= %d: x[%d] += dt" % (base + 1, HOLD_MS_MAX, base + 1))
            self._emit("u%d = 1 if near and %s else 0" % (i, condition))
            quiet = " and x[%d] >= %d" % (base + 1, event[2]) if event[2] else ""
            self._emit("f%d = 1 if u%d and not x[%d]%s else 0" % (i, i, base, quiet))
            self._emit("x[%d] = u%d" % (base, i))
            self._emit("if f%d: x[%d] = 0" % (i, base + 1))
        for i, event in enumerate(events):
            self._settle(i, event, self.plan.core_cells + i)
        self.plan.core_cells += len(events)
        self._emit("return flags")

    def _settle(self, i: int, event: list, cell: int) -> None:
        base = self.plan.event_state[i]
        suppressors, wait_ms = event[3], event[4]
        told = FIRINGS_TOLD * i
        count = ("c[%d] += " % cell) + "%s; flags |= " + str(4 << i)
        if suppressors:
            up = " or ".join(["u%d or x[%d] <= %d" % (k, self.plan.event_state[k] + 1, wait_ms) for k in suppressors])
            self._emit("if f%d and (%s): f%d = 0" % (i, up, i))
        if not suppressors or not wait_ms:
            self._emit("if f%d:" % i)
            self._emit("ages[%d] = 0; more[%d] = 1; %s" % (i, told, count % "1"), 2)
            return
        fired = " or ".join(["x[%d] == 0" % (self.plan.event_state[k] + 1) for k in suppressors])
        self._emit("if x[%d]:" % (base + 2))
        self._emit("x[%d] += dt" % (base + 3), 2)
        self._emit("if %s: x[%d] = 0" % (fired, base + 2), 2)
        self._emit("elif x[%d] >= %d or not near:" % (base + 3, wait_ms), 2)
        self._emit("ages[%d] = x[%d]; more[%d] = x[%d]" % (i, base + 3, told, base + 2), 3)
        for k in range(1, FIRINGS_TOLD):
            self._emit("more[%d] = x[%d]" % (told + k, base + 3 + k), 3)
        self._emit("%s; x[%d] = 0" % (count % ("x[%d]" % (base + 2)), base + 2), 3)
        self._emit("if f%d:" % i)
        self._emit("if not x[%d]: x[%d] = 0" % (base + 2, base + 3), 2)
        self._emit("elif x[%d] < %d: x[%d + x[%d]] = x[%d]" % (base + 2, FIRINGS_TOLD, base + 3, base + 2, base + 3), 2)
        self._emit("x[%d] += 1" % (base + 2), 2)
