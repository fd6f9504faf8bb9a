"""From a run that goes wrong to a small one that goes wrong the same way: by leaving out faults, days and devices.

Delta debugging (Zeller and Hildebrandt: "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002) over the
list of faults. People do the same whichever faults there are, so what is left is mostly what is needed.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from headway_simulators.chaos.script import Fault, Script
from headway_simulators.chaos.timeline import DAY_MS

RUNS_MAX = 150

GoesWrong = Callable[[Script], bool]


class Shrinking:
    """One shrinking. goes_wrong: runs a script; whether it goes wrong in the way that is looked for. `runs`: so far.

    After runs_max runs it is left at what it has come to.
    """

    def __init__(self, goes_wrong: GoesWrong, runs_max: int = RUNS_MAX) -> None:
        self._goes_wrong = goes_wrong
        self._runs_max = runs_max
        self.runs = 0

    def shrink(self, script: Script) -> Script:
        """Return a script with fewer faults, days and devices that goes wrong as `script` does."""
        if script.faults and self._is_wrong(script.with_faults([])):
            script = script.with_faults([])
        script = self._shorter(script)
        script = script.with_faults(self._fewer(script, list(script.faults)))
        return self._smaller(self._shorter(script))

    def _is_wrong(self, script: Script) -> bool:
        if self.runs >= self._runs_max:
            return False
        self.runs += 1
        return self._goes_wrong(script)

    def _fewer(self, script: Script, faults: list[Fault]) -> list[Fault]:
        parts = 2
        while len(faults) >= 2:
            pieces = _cut(faults, parts)
            # A piece alone is tried only while pieces are large; later on it is always one fault, and all are tried so.
            candidates = [*(pieces if parts == 2 else []), *(_without(faults, piece) for piece in pieces)]
            smaller = next((some for some in candidates if self._is_wrong(script.with_faults(some))), None)
            if smaller is not None:
                parts = 2 if len(smaller) <= len(faults) // 2 else max(parts - 1, 2)
                faults = smaller
            elif parts >= len(faults):
                break
            else:
                parts = min(2 * parts, len(faults))
        return faults

    def _shorter(self, script: Script) -> Script:
        last_ms = max((fault.at_ms + fault.for_ms for fault in script.faults), default=0)
        for days in sorted({1, 2, int(last_ms // DAY_MS) + 1, int(last_ms // DAY_MS) + 2}):
            if last_ms < days * DAY_MS < script.days * DAY_MS and self._is_wrong(replace(script, days=days)):
                return replace(script, days=days)
        return script

    def _smaller(self, script: Script) -> Script:
        least = max((fault.device + 1 for fault in script.faults), default=1)
        for devices in sorted({max(least, 1), max(least, script.devices // 2)}):
            if devices < script.devices and self._is_wrong(replace(script, devices=devices)):
                return replace(script, devices=devices)
        return script


def _cut(faults: Sequence[Fault], parts: int) -> list[list[Fault]]:
    size = len(faults)
    return [list(faults[size * i // parts : size * (i + 1) // parts]) for i in range(parts)]


def _without(faults: Sequence[Fault], piece: Sequence[Fault]) -> list[Fault]:
    left = set(piece)
    return [fault for fault in faults if fault not in left]
