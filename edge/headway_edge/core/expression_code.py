"""Code from the expressions of a pack: lines that compute them, and what they keep between samples.

What is the same is computed once, where it is first needed; a number that may be missing is looked at for that before it is
used. `headway_edge.core.program_code` makes the whole source.
"""

from headway_edge.core.operators import compare
from headway_edge.core.pack import Pack
from headway_edge.core.program import DRIVEN_MS_MAX, HOLD_MS_MAX, MISSING


class Plan:
    """What a generated function needs around it: the attributes of the same names of `headway_edge.core.program.Program`."""

    def __init__(self) -> None:
        self.state_start = []  # type: list
        self.columns = 0
        self.window_ms = 0
        self.core_cells = 2
        self.event_state = []  # type: list
        self.lasting = []  # type: list
        self.away = -1


class ExpressionWriter:
    """Writes the lines of numbers and conditions to `out`, which has write(text).

    pack: a checked pack. parameters: those of the class that the code is for.
    """

    def __init__(self, pack: Pack, parameters: list, out: object) -> None:
        self._pack = pack
        self._parameters = parameters
        self._out = out
        self.plan = Plan()
        self._history = {}  # type: dict
        self._temporaries = 0

    def _emit(self, line: str, level: int = 1) -> None:
        self._out.write(" " * level + line + "\n")  # type: ignore[attr-defined]

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
        if operator == "unchanged":
            return self._unchanged(tree[1]), []
        if operator == "driven":
            return self._driven(self._literal(tree[1])), []
        if operator == "abs":
            text, guards = self._number(tree[1])
            return "abs(%s)" % text, guards
        a, guards = self._number(tree[1])
        b, more = self._number(tree[2])
        guards = guards + [name for name in more if name not in guards]
        if operator in ("min", "max"):
            return "%s(%s, %s)" % (operator, a, b), guards
        if operator == "round":
            return "((%s + %d) // %s)" % (a, tree[2] // 2, b), guards
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

    def _literal(self, tree: object) -> int:
        # A class's parameter is as good as a literal. What is no literal is returned as it is.
        return self._parameters[tree[1]] if isinstance(tree, list) and tree[0] == "p" else tree  # type: ignore[return-value]

    # --- looking back -----------------------------------------------------------------------------------------------

    def _column(self, key: str, line: str) -> int:
        # One column for each number looked back at; filled right before the first look.
        if key not in self._history:
            self._history[key] = self.plan.columns
            self._emit(line % self.plan.columns)
            self.plan.columns += 1
        return self._history[key]

    def _seek(self, back_ms: int) -> str:
        # Each look seeks anew: a later one may be at another time. What is found is for the next line.
        self._emit("found = history.seek(%d)" % back_ms)
        self.plan.window_ms = max(self.plan.window_ms, back_ms)
        return "found"

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
        self._emit("if not %s: x[%d] = -1" % (condition, place))
        self._emit("elif near and x[%d] >= 0: x[%d] = min(x[%d] + dt, %d)" % (place, place, place, HOLD_MS_MAX))
        self._emit("else: x[%d] = 0" % place)
        return "max(x[%d], 0)" % place

    def _unchanged(self, tree: list) -> str:
        number, guards = self._number(tree)
        key = "unchanged " + number
        if key in self._history:
            return self._history[key]
        before, run = self._new_state(MISSING), self._new_state(0)
        there = " and %s != %d" % (number, MISSING) if guards else ""
        self._emit(
            "if near and x[%d] == %s%s: x[%d] = min(x[%d] + dt, %d)" % (before, number, there, run, run, HOLD_MS_MAX)
        )
        self._emit("else: x[%d] = 0" % run)
        self._emit("x[%d] = %s" % (before, number))
        self._history[key] = "x[%d]" % run
        return self._history[key]

    def _driven(self, rest_ms: int) -> str:
        key = "driven %d" % rest_ms
        if key in self._history:
            return self._history[key]
        if self.plan.away < 0:
            self.plan.away = self._new_lasting()
            self._emit("away = x[%d]" % self.plan.away)
            self._emit("x[%d] = 0" % self.plan.away)
        driven, rest = self._new_lasting(), self._new_lasting()
        moves = "s%d" % self._pack.speed
        self._emit("if not near or not %s:" % moves)
        self._emit("x[%d] = min(x[%d] + dt + away, %d)" % (rest, rest, DRIVEN_MS_MAX), 2)
        self._emit("if x[%d] >= %d: x[%d] = 0" % (rest, rest_ms, driven), 2)
        self._emit("if %s:" % moves)
        self._emit("x[%d] = min(x[%d] + weight, %d)" % (driven, driven, DRIVEN_MS_MAX), 2)
        self._emit("x[%d] = 0" % rest, 2)
        self._history[key] = "x[%d]" % driven
        return self._history[key]

    def _new_lasting(self) -> int:
        place = self._new_state(0)
        self.plan.lasting.append(place)
        return place
