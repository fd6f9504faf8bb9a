"""The same samples give the same record, and the same bytes the same refusal, on every interpreter the edge runs on."""

import random
import runpy
from collections.abc import Callable
from pathlib import Path

import cbor2
import pytest

HERE = Path(__file__).parent
VECTORS = sorted((HERE / "vectors").glob("*.txt"))
MICROPYTHONS = ("micropython", "micropython32")

RunOn = Callable[..., str]


def by_name(path: Path) -> str:
    return path.stem


def test_there_are_vectors_for_every_drive() -> None:
    assert [path.stem for path in VECTORS] == [
        "bus",
        "disorder",
        "fifty_hertz",
        "limits",
        "ten_hertz",
        "town",
        "truck",
    ]


def test_the_generator_still_makes_the_committed_samples(tmp_path: Path) -> None:
    runpy.run_path(str(HERE / "make_vectors.py"))["main"](tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [path.name for path in VECTORS]
    for path in VECTORS:
        assert (tmp_path / path.name).read_text() == path.read_text()


@pytest.mark.parametrize("path", VECTORS, ids=by_name)
def test_cpython_makes_the_committed_records(path: Path, run_on: RunOn) -> None:
    assert run_on("cpython", "core_vectors.py", path) == path.with_suffix(".hex").read_text()


@pytest.mark.full
@pytest.mark.parametrize("host", MICROPYTHONS)
@pytest.mark.parametrize("path", VECTORS, ids=by_name)
def test_micropython_makes_the_committed_records_in_a_small_heap(path: Path, host: str, run_on: RunOn) -> None:
    heap = "64k" if host == "micropython32" else "128k"  # of 32-bit and 64-bit words
    assert run_on(host, "core_vectors.py", path, heap=heap) == path.with_suffix(".hex").read_text()


def random_samples(seed: int) -> str:
    """Samples of a wandering speed, with everything that can be wrong with one now and then."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lines = [f"core {dice.choice(['car', 'taxi', 'bus', 'truck'])} {dice.choice([40, 100, 333, 1000])}"]
    speed = 0
    for _ in range(4000):
        speed = max(0, min(32_000, speed + dice.choice([0, 0, dice.randint(-2000, 1500), dice.randint(-900, 1000)])))
        dt_ms = dice.choice([1000] * 20 + [100, 999, 1400, 1501, 5000, dice.randint(-400, 3000)])
        if dice.randrange(150) == 0:
            speed = 0
        if dice.randrange(400) == 0:
            dt_ms = dice.choice([300_000, 300_001, -300_000, 1_800_000, 2**29, 2**30, 2**31, -(2**31), 2**33, -(10**7)])
        reported = -1 if dice.randrange(60) == 0 else speed
        rpm = dice.choice([-1, -1, 0, 800])
        ignition = 0 if dice.randrange(300) == 0 else dice.choice([-1, -1, -1, 1])
        lines.append(f"{dt_ms} {reported} {rpm} {ignition}")
    return "\n".join(lines) + "\n"


@pytest.mark.full
@pytest.mark.parametrize("seed", range(12))
def test_random_samples_make_the_same_records_everywhere(seed: int, tmp_path: Path, run_on: RunOn) -> None:
    path = tmp_path / "samples.txt"
    path.write_text(random_samples(seed))
    expected = run_on("cpython", "core_vectors.py", path)
    assert len(expected.splitlines()) >= 8
    for host in MICROPYTHONS:
        assert run_on(host, "core_vectors.py", path) == expected


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


def messages() -> list[bytes]:
    """One of every message, so that mutations reach the checks behind the codec."""
    pack = bytes(range(8))
    return [
        cbor2.dumps([1, 1, 3, 1, 0, None, 0, ["headway 0.1.0", "car", [[pack, "private-driving", 1]], 2, 0]]),
        cbor2.dumps([1, 2, 3, 2, 600000, 1700000000000, 2, [pack, 599000, b"\x03\x00\x02\xac\x02", b""]]),
        cbor2.dumps([1, 8, 3, 3, 2**46, None, 0, [2, 10, 19, "storage full"]]),
        cbor2.dumps([1, 3, 17, [[16, 1], [18, 4]]]),
        cbor2.dumps([1, 3, True]),
        cbor2.dumps([1, 4, "car", pack, [[103, 22, [136, 386, 614, 864], [-51, 80, 120, 230]]]]),
    ]


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
