"""What happened in a simulation, as lines whose hash tells two runs apart, and as counts."""

import hashlib
from collections import Counter, defaultdict

from headway_simulators.chaos.timeline import when


class Journal:
    """The event log of one run. keep: whether lines are kept in `lines`, or only go into the hash."""

    def __init__(self, *, keep: bool = False) -> None:
        self.lines: list[str] = []
        self._keep = keep
        self._hash = hashlib.sha256()
        self.counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def note(self, now_ms: int, who: str, what: str, detail: object = "") -> None:
        """Something happened to somebody."""
        self._hash.update(f"{now_ms} {who} {what} {detail}\n".encode())
        if self._keep:
            self.lines.append(f"{when(now_ms)} {who} {what} {detail}".rstrip())

    def count(self, what: str, kind: str, number: int = 1) -> None:
        """Count something by its kind, for the summary."""
        self.counts[what][kind] += number

    @property
    def digest(self) -> str:
        """The hash of all lines so far, hexadecimal."""
        return self._hash.hexdigest()
