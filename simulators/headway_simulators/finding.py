"""One thing that `headway doctor` looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """grade: "ok", "note" (works, worth knowing) or "bad"; next_step: empty if none is needed."""

    grade: str
    what: str
    next_step: str = ""
