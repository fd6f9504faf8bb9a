"""Decode a text file of hex strings, one a line, and print what each one is, or how it is refused.

    codec_vectors.py FILE [verdicts]

Runs unmodified on CPython and MicroPython. Each line gives one: the value in diagnostic notation or the refusal, then
what it is as each message of the protocol. With `verdicts`, a + in place of what was read: writing it out takes more heap.
"""

import gc
import sys

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # what is left over from compiling must not lie about between what is kept

from headway_protocol import (
    ack,
    benchmark,
    cbor,
    command,
    counts,
    fold,
    incident,
    pack_offer,
    record,
    service,
    signed,
    state,
)
from headway_protocol.diagnostic import diagnostic
from headway_protocol.errors import DecodeError


def _record(data):
    found = record.decode(data)
    envelope = (found.kind, found.boot, found.seq, found.mono_ms, found.wall_ms, found.clock)
    if found.kind == record.BIRTH:
        return envelope, record.parse_birth(found.body)
    if found.kind == record.LOSS:
        return envelope, record.parse_loss(found.body)
    if found.kind == record.INCIDENT:
        return envelope, incident.parse_incident(found.body)
    if found.kind == record.SERVICE:
        return envelope, service.parse_service(found.body)
    if found.kind == record.DAY:
        return envelope, fold.parse_day(found.body)
    if found.kind == record.EPISODE:
        pack_id, start_ago_ms, packed, gates, offset_min, revises = record.parse_episode(found.body)
        return envelope, pack_id, start_ago_ms, counts.unpack(packed, 25), counts.unpack(gates, 8), offset_min, revises
    return envelope, len(found.body)


def _benchmark(data):
    found = benchmark.decode(data)
    return found.epoch, found.cohort, found.pack_id, [(key, found.tables[key]) for key in sorted(found.tables)]


def _offer(data):
    if not signed.is_signed(data):
        return pack_offer.decode(data)
    algorithm, key_id, said, signature = signed.parts(data, pack_offer.OFFER_BYTES_MAX)
    purpose, audience, version, not_after_s, body = signed.read_statement(said)[:5]
    return algorithm, key_id, (purpose, audience, version, not_after_s, pack_offer.decode(body)), signature


OF_CHANNEL = {
    "up": _record,
    "ack": ack.decode_all,
    "state": state.decode,
    "bench": _benchmark,
    "pack": _offer,
    "cmd": command.decode,
}
READERS = [cbor.decode, record.identity]
READERS.extend(OF_CHANNEL[name] for name in sorted(OF_CHANNEL))


def describe(data, tell=diagnostic):
    """Return one line about `data`."""
    words = []
    for reader in READERS:
        try:
            words.append(tell(reader(data)))
        except DecodeError as error:
            words.append(f"!{error.code} {error}")
    return " | ".join(words)


def main(path, tell=diagnostic):
    """Describe each line of the file at `path` on standard output."""
    with open(path) as lines:
        for line in lines:
            sys.stdout.write(describe(bytes.fromhex(line.strip()), tell) + "\n")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(sys.argv[1], lambda _value: "+")
    else:
        main(sys.argv[1])
