"""Bytes that nobody meant, for every reader of the protocol and for the link of a microcontroller, for as long as one likes.

    python -m bench.fuzz [SECONDS]

Guided by coverage where Atheris is installed (`pip install atheris`), by seeded mutation of real messages where it is not. Only
DecodeError may come out of a reader, nothing out of the link. Prints executions, what else came out, and the longest time and
most memory that one input took. Ends with 1 if anything else came out.
"""

import os
import random
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from tests.edge.hostile_bytes import mutated
from tests.micropython.hostile_packets import Met
from tests.protocol.every_message import messages

from headway_protocol import ack, benchmark, cbor, command, fold, incident, pack_offer, record, service, signed, state
from headway_protocol.errors import DecodeError

try:
    import atheris
except ImportError:
    atheris = None

SECONDS = 30
INPUT_BYTES_MAX = 4096
_BODIES = {
    record.BIRTH: record.parse_birth,
    record.EPISODE: record.parse_episode,
    record.LOSS: record.parse_loss,
    record.INCIDENT: incident.parse_incident,
    record.SERVICE: service.parse_service,
    record.DAY: fold.parse_day,
}


def read_record(data: bytes) -> None:
    """A record with its body, as a server reads it."""
    found = record.decode(data)
    if found.kind in _BODIES:
        _BODIES[found.kind](found.body)


def read_signed(data: bytes) -> None:
    """What a device is told to do, as if the signature were right: so that what is behind it is reached."""
    signed.opened(data, pack_offer.OFFER_BYTES_MAX, signed.OFFER, "depot-7/bus-0142", lambda *_key: True)


MODULES = ["headway_edge.band.packets", *(f"headway_protocol.{name}" for name in (
    "ack", "benchmark", "cbor", "command", "counts", "fields", "fold", "incident", "pack_offer", "record", "service", "signed",
    "state",
))]  # fmt: skip
READERS = {
    "cbor": cbor.decode,
    "record": read_record,
    "identity": record.identity,
    "ack": ack.decode_all,
    "state": state.decode,
    "command": command.decode,
    "benchmark": benchmark.decode,
    "pack": pack_offer.decode,
    "signed": read_signed,
}


class Figures:
    """What one reader did with all inputs so far."""

    def __init__(self) -> None:
        self.executions = self.refused = 0
        self.longest_s = 0.0
        self.most_bytes = 0
        self.others: dict[str, bytes] = {}

    def run(self, reader: object, data: bytes) -> None:
        """One input."""
        self.executions += 1
        tracemalloc.reset_peak()
        before_bytes, _ = tracemalloc.get_traced_memory()
        start_s = time.perf_counter()
        try:
            reader(data)  # type: ignore[operator]
        except DecodeError:
            self.refused += 1
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            self.others.setdefault(f"{type(error).__name__}: {error}"[:80], data)
        self.longest_s = max(self.longest_s, time.perf_counter() - start_s)
        self.most_bytes = max(self.most_bytes, tracemalloc.get_traced_memory()[1] - before_bytes)


def meet(data: bytes) -> None:
    """The link with these bytes after the first of them, which says at which stage of a connection they come."""
    if data:
        met = Met(data[0] % 3, data[1:], 1 + (data[0] >> 2))
        if met.stream.closed == (met.link.cause == ""):
            raise AssertionError("closed without a cause, or the other way round")


def tell(figures: dict[str, Figures], how: str) -> int:
    """Print the figures; return how many inputs made something else come out."""
    lines = [
        f"| reader | executions ({how}) | refused | anything else | longest (ms) | most memory (kB) |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, found in figures.items():
        numbers = f"{len(found.others)} | {found.longest_s * 1000:.1f} | {found.most_bytes / 1000:.0f}"
        lines.append(f"| {name} | {found.executions} | {found.refused} | {numbers} |")
        lines += [f"\n{name}: {text}: {data.hex()}" for text, data in found.others.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return sum(len(found.others) for found in figures.values())


def seeds() -> list[bytes]:
    """One of every message, and connections of a good broker with damage."""
    return messages() + [bytes([stage + 252]) + data for stage, data, _ in mutated(40, 1)]


def guided(one: Callable[[bytes], None], told: Callable[[], int], seconds: float) -> None:
    """Let Atheris find inputs that run code which none has run before; does not return."""
    deadline_s = time.monotonic() + seconds

    def run(data: bytes) -> None:
        one(data)
        if time.monotonic() > deadline_s:
            code = 1 if told() else 0
            sys.stdout.flush()
            os._exit(code)  # libFuzzer ends in no other way

    with tempfile.TemporaryDirectory() as corpus:
        for number, data in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(data)
        for name in MODULES:
            for value in vars(sys.modules[name]).values():
                if callable(value) and getattr(value, "__module__", None) == name and hasattr(value, "__code__"):
                    atheris.instrument_func(value)
        atheris.Setup(["fuzz", f"-max_len={INPUT_BYTES_MAX}", "-verbosity=0", corpus], run)
        atheris.Fuzz()


def main(seconds: float) -> None:
    """Fuzz for so long."""
    figures = {name: Figures() for name in (*READERS, "link")}
    tracemalloc.start()

    def one(data: bytes) -> None:
        for name, reader in READERS.items():
            figures[name].run(reader, data)
        if figures["link"].executions * 10 < figures["cbor"].executions:  # it takes as long as all others
            figures["link"].run(meet, data)

    if atheris is not None:
        guided(one, lambda: tell(figures, "guided by coverage"), seconds)
    deadline_s = time.monotonic() + seconds
    dice = random.Random(1)  # noqa: S311 - repeatable, not secret
    known = seeds()
    while time.monotonic() < deadline_s:
        data = bytearray(dice.choice(known))
        for _ in range(dice.randrange(1, 5)):
            at, how = dice.randrange(len(data) + 1), dice.randrange(4)
            if how == 0:
                data[at:at] = dice.randbytes(dice.randrange(1, 9))
            elif how == 1:
                del data[at : at + dice.randrange(1, 9)]
            elif how == 2 and at < len(data):
                data[at] ^= 1 << dice.randrange(8)
            else:
                other = dice.choice(known)
                data[at:at] = other[: dice.randrange(len(other) + 1)]
        one(bytes(data[:INPUT_BYTES_MAX]))
    sys.exit(1 if tell(figures, "mutation") else 0)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
