"""The same samples give the same record, and the same bytes the same refusal, on every interpreter the edge runs on."""

import random
from collections.abc import Callable
from pathlib import Path

import cbor2
import pytest
from golden import Vector, line, read_process, vectors
from tests.protocol.every_message import messages

from headway_edge import packs
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING

VECTORS = vectors()
MICROPYTHONS = ("micropython", "micropython32")
HEAPS = {"micropython": "320k", "micropython32": "160k"}  # of 64-bit and 32-bit words

RunOn = Callable[..., str]


def by_name(vector: Vector) -> str:
    return vector.name


def files(vector: Vector, folder: Path) -> list[str | Path]:
    """The vector as the arguments of core_vectors.py."""
    pack, samples = folder / "pack.cbor", folder / "samples.txt"
    pack.write_bytes(vector.pack)
    names = [signal[0] for signal in Pack(vector.pack).signals]
    samples.write_text("".join(line(dt_ms, numbers) for dt_ms, numbers in vector.rows(names)))
    return [pack, vector.vehicle_class, str(vector.period_ms), samples]


@pytest.mark.full
@pytest.mark.parametrize("host", MICROPYTHONS)
@pytest.mark.parametrize("vector", VECTORS, ids=by_name)
def test_micropython_makes_the_committed_records_in_a_small_heap(
    vector: Vector, host: str, tmp_path: Path, run_on: RunOn
) -> None:
    found = run_on(host, "core_vectors.py", *files(vector, tmp_path), heap=HEAPS[host])
    assert tuple(found.splitlines()) == vector.records


@pytest.mark.full
@pytest.mark.parametrize("host", MICROPYTHONS)
def test_micropython_tells_the_same_of_a_process_and_its_score(host: str, tmp_path: Path, run_on: RunOn) -> None:
    vector = read_process()
    pack, counts = tmp_path / "pack.cbor", tmp_path / "trips.txt"
    pack.write_bytes(vector.pack)
    counts.write_text("".join(f"{trip}\n" for trip in vector.trips))
    found = run_on(host, "process_vectors.py", pack, counts, heap=HEAPS[host])
    assert tuple(found.splitlines()) == vector.lines


def random_samples(pack: Pack, seed: int) -> tuple[str, int, list[str]]:
    """(class, period in ms, samples) of a wandering speed, with everything that can be wrong with one now and then."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lines = []
    speed = 0
    for _ in range(4000):
        speed = max(0, min(32_000, speed + dice.choice([0, 0, dice.randint(-2000, 1500), dice.randint(-900, 1000)])))
        dt_ms = dice.choice([1000] * 20 + [100, 999, 1400, 1501, 5000, dice.randint(-400, 3000)])
        if dice.randrange(150) == 0:
            speed = 0
        if dice.randrange(400) == 0:
            dt_ms = dice.choice([300_000, 300_001, -300_000, 1_800_000, 2**29, 2**30, 2**31, -(2**31), 2**33, -(10**7)])
        numbers = [dice.choice([MISSING, dice.randint(signal[4] - 1, signal[5] + 1)]) for signal in pack.signals]
        numbers[pack.speed] = -1 if dice.randrange(60) == 0 else speed
        numbers[pack.engine_speed] = dice.choice([-1, -1, 0, 800])
        numbers[pack.ignition] = 0 if dice.randrange(300) == 0 else dice.choice([-1, -1, -1, 1])
        lines.append(line(dt_ms, [None if number == MISSING else number for number in numbers]))
    return dice.choice(pack.classes), dice.choice([40, 100, 333, 1000]), lines


@pytest.mark.full
@pytest.mark.parametrize("seed", range(12))
def test_random_samples_make_the_same_records_everywhere(
    seed: int, tmp_path: Path, private_driving: Path, run_on: RunOn
) -> None:
    path = tmp_path / "samples.txt"
    vehicle_class, period_ms, lines = random_samples(packs.load("private-driving").pack, seed)
    path.write_text("".join(lines))
    arguments = ("core_vectors.py", private_driving, vehicle_class, str(period_ms), path)
    expected = run_on("cpython", *arguments)
    assert len(expected.splitlines()) >= 8
    for host in MICROPYTHONS:
        assert run_on(host, *arguments) == expected


def random_value(dice: random.Random, depth: int) -> object:
    """A value of the allowed types; scalars more often the deeper it is."""
    kind = dice.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return dice.choice([None, True, False])
    if kind in (1, 2):
        return dice.choice([1, -1]) * dice.getrandbits(dice.choice([3, 5, 8, 16, 31, 32, 63, 64]))
    if kind == 3:
        return dice.randbytes(dice.randrange(30))
    if kind in (4, 5):
        return "".join(dice.choice('ab\x00\n"\\é€😀\x7f') for _ in range(dice.randrange(12)))
    if kind == 8:
        keys = [dice.choice([dice.randrange(-300, 300), str(dice.randrange(2000))]) for _ in range(dice.randrange(6))]
        return {key: random_value(dice, depth + 1) for key in keys}
    return [random_value(dice, depth + 1) for _ in range(dice.randrange(6))]


def corpus() -> list[bytes]:
    """Valid encodings, the same with one to three bytes changed, cut, or added, and plain noise; always the same."""
    dice = random.Random(20)  # noqa: S311 - repeatable, not secret
    valid = [cbor2.dumps(random_value(dice, 0), canonical=True) for _ in range(150)] + 20 * messages()
    changed = []
    for data in valid + 3 * messages():
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 4)):
            at = dice.randrange(len(broken) + 1)
            edit = dice.randrange(4)
            if edit == 0:
                broken.insert(at, dice.randrange(256))
            elif edit == 1:
                del broken[at : at + 1]
            elif at < len(broken):
                broken[at] = broken[at] ^ (1 << dice.randrange(8)) if edit == 2 else dice.randrange(256)
        changed.append(bytes(broken))
    text = [b"\x62\xc0\x80", b"\x63\xed\xa0\x80", b"\x64\xf4\x90\x80\x80", b"\x64\xf0\x80\x80\x80", b"\x62\xe2\x82"]
    return valid + changed + text + [dice.randbytes(dice.randrange(1, 12)) for _ in range(150)]


@pytest.mark.full
def test_bytes_are_read_or_refused_with_the_same_words_everywhere(tmp_path: Path, run_on: RunOn) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(data.hex() + "\n" for data in corpus()))
    expected = run_on("cpython", "codec_vectors.py", path).splitlines()
    assert len(expected) == len(corpus())
    refused = sum(line.startswith("!") for line in expected)
    assert refused >= 200
    assert len(expected) - refused >= 200
    for host in MICROPYTHONS:
        assert run_on(host, "codec_vectors.py", path).splitlines() == expected


def hostile() -> list[bytes]:
    """What is meant to take a reader's memory or its stack, and whole messages at their limits; always the same."""
    dice = random.Random(21)  # noqa: S311 - repeatable, not secret
    heads = [bytes([major << 5 | info]) for major in range(2, 6) for info in (24, 25, 26, 27)]
    claims = [head + b"\xff" * (1 << (head[0] & 31) - 24) + bytes(20) for head in heads]
    nested = [
        unit * 1000 + end for unit in (b"\x81", b"\x9f", b"\xa1\x00", b"\xd8\x20", b"\x5f") for end in (b"", b"\x00")
    ]
    long = [
        cbor2.dumps([1, 3, 17, [[16, 1]] * 256, [[19 + i, 19 + i] for i in range(64)]]),
        cbor2.dumps([1, 3, 17, [[16, 1]] * 257]),
        cbor2.dumps([1, 3, 17, [], [[19 + i, 19 + i] for i in range(65)]]),
        cbor2.dumps([1, 1, [[3, 17, 18]] * 32]),
        cbor2.dumps([1, 1, [[3, 17, 18]] * 33]),
        cbor2.dumps([1, 3, True, [[3, 17]] * 9]),
        cbor2.dumps([1, 1, 3, 1, 0, None, 0, ["headway 0.1.0", "car", [[bytes(8), "private-driving", 1]] * 40, 2, 0]]),
        cbor2.dumps([1, 2, 3, 2, 600000, None, 0, [bytes(8), 599000, b"\x80" * 600, b""]]),
        cbor2.dumps([1, 2, 3, 2, 600000, None, 0, [bytes(8), 599000, b"\x00" * 500, b""]]),
        cbor2.dumps([1, bytes(3000), "x" * 900]),
        cbor2.dumps("x" * 3500),
        cbor2.dumps(bytes(3500)),
        cbor2.dumps([0] * 3500),
        cbor2.dumps({i: i for i in range(600)}, canonical=True),
    ]
    found = claims + [claim[:3] for claim in claims] + nested + long
    for data in messages() + long[:6]:
        # A message with a piece of another in it, as a medium mixes them up.
        for other in messages():
            at, size = dice.randrange(len(data)), dice.randrange(1, 12)
            start = dice.randrange(len(other))
            found.append(data[:at] + other[start : start + size] + data[at + size :])
    return found


@pytest.mark.full
def test_hostile_bytes_are_refused_with_the_same_words_everywhere_in_a_heap_of_fixed_size(
    tmp_path: Path, run_on: RunOn
) -> None:
    path = tmp_path / "hostile.txt"
    path.write_text("".join(data.hex() + "\n" for data in hostile()))
    assert max(map(len, hostile())) < 4096
    expected = run_on("cpython", "codec_vectors.py", path, "verdicts").splitlines()
    assert len(expected) == len(hostile()) > 250
    for host, heap in (("micropython", "256k"), ("micropython32", "128k")):
        assert run_on(host, "codec_vectors.py", path, "verdicts", heap=heap).splitlines() == expected
