"""How an agent stands with its server: what a face, a log or a person beside the vehicle may want to know.

>>> status = AgentStatus(REFUSED, "refused: broker:8883: not authorized", "correct its user name", 12, 0, 0, None)
>>> status.sentence
'refused: broker:8883: not authorized; 12 records wait; the server was not heard since the start. Next: correct its user name.'
>>> AgentStatus(CONNECTED, "", "", 0, 0, 0, 2_500).sentence
'connected; no record waits; the server answered 2 s ago.'
"""

from dataclasses import dataclass

OFF = "off"  # no link: everything stays on the device
CONNECTING = "connecting"
CONNECTED = "connected"
DOWN = "down"
REFUSED = "refused"

_SECONDS = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class AgentStatus:
    """link: one of the words above. cause, next_step: of what is wrong, for people; empty when nothing is.

    backlog: records that the server has not settled. in_flight: of these, handed to the broker. undeliverable: put away in this
    boot after too many losses. last_ack_age_ms: since the server was heard, None: not in this boot. clock_cause: why the wall
    clock is not believed, empty if it is; clock_refusals: how often that began; clock_jumps: how often it was set while this ran.
    pack_cause, pack_next_step: why the pack that was offered last does not run, empty if it does or nothing was offered.
    """

    link: str
    cause: str
    next_step: str
    backlog: int
    in_flight: int
    undeliverable: int
    last_ack_age_ms: int | None
    clock_cause: str = ""
    clock_jumps: int = 0
    clock_refusals: int = 0
    pack_cause: str = ""
    pack_next_step: str = ""

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        said = self.cause if self.link in {DOWN, REFUSED} else self.link + (f", but {self.cause}" if self.cause else "")
        waiting = {0: "no record waits", 1: "1 record waits"}.get(self.backlog, f"{self.backlog} records wait")
        parts = [said or self.link, waiting]
        if self.undeliverable:
            parts.append(f"{self.undeliverable} undeliverable for now")
        if self.link != OFF:
            parts.append(
                "the server was not heard since the start"
                if self.last_ack_age_ms is None
                else f"the server answered {_age(self.last_ack_age_ms)} ago"
            )
        if self.clock_cause:
            parts.append(f"the clock is not believed ({self.clock_cause})")
        if self.pack_cause:
            parts.append(f"the pack that was offered does not run ({self.pack_cause})")
        next_step = self.next_step or self.pack_next_step
        return "; ".join(parts) + "." + (f" Next: {next_step}." if next_step else "")


def _age(age_ms: int) -> str:
    seconds = max(0, age_ms) // 1000
    for length, unit in _SECONDS:
        if seconds >= 2 * length or length == 1:
            return f"{seconds // length} {unit}"
    raise AssertionError  # the last unit fits everything
