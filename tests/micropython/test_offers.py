"""A microcontroller takes what its own key signed, and nothing else; the same on every interpreter."""

import hmac
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.edge.signing_server import SigningServer

from headway_edge import packs
from headway_protocol import pack_offer, signed
from headway_server.signing import SigningKey

pytestmark = pytest.mark.full
HOSTS = ("cpython", "micropython", "micropython32")
BAND = "bands/band-3"
SERVER = SigningServer()
KEY = SERVER.key.band_key(BAND)
DAY_S = 86_400
# RFC 4231, cases 1, 2, 3 and 6 (a key longer than a block).
RFC_4231 = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
]  # fmt: skip


def body(name: str) -> bytes:
    path = Path(packs.__file__).parent / f"{name}.cbor"
    return pack_offer.encode(path.read_bytes(), "{}")


def offer(name: str, version: int, not_after_s: int = signed.TIME_S_MAX, server: SigningServer = SERVER) -> bytes:
    return server.signed(body(name), version, not_after_s, BAND)


def run(run_on: Callable[..., str], host: str, folder: Path, *lines: str) -> list[str]:
    file = folder / "commands.txt"
    file.write_text("".join(line + "\n" for line in lines))
    flash = folder / host
    flash.mkdir(exist_ok=True)
    return run_on(host, "offer_vectors.py", file, flash).splitlines()


def on_all(run_on: Callable[..., str], folder: Path, *lines: str) -> list[str]:
    """What every host prints."""
    told = {host: run(run_on, host, folder, *lines) for host in HOSTS}
    assert told["micropython"] == told["micropython32"] == told["cpython"]
    return told["cpython"]


def heard(payload: bytes, known_s: int = 0, synced: bool = False, how: str = "offer") -> str:
    return f"{how} {payload.hex()} {known_s} {int(synced)}"


MINE = f"key {KEY.hex()} {BAND}"


def test_the_mac_is_that_of_the_standard(run_on: Callable[..., str], tmp_path: Path) -> None:
    assert on_all(run_on, tmp_path, *(f"mac {key.hex()} {data.hex()}" for key, data, _ in RFC_4231)) == [
        digest for _, _, digest in RFC_4231
    ]
    assert hmac.digest(KEY, b"x", "sha256") == SERVER.signing.signer(BAND)[2](b"x")


def test_only_newer_ones_of_its_own_server_for_itself_are_installed(run_on: Callable[..., str], tmp_path: Path) -> None:
    now_s = 1_790_000_000
    taken = offer("private-driving", now_s)
    flipped = taken[:-1] + bytes([taken[-1] ^ 1])
    told = on_all(
        run_on,
        tmp_path,
        MINE,
        heard(body("eco-driving")),
        heard(offer("eco-driving", 5, server=SigningServer(2))),
        heard(SERVER.signed(body("eco-driving"), 5)),
        heard(SERVER.signed(body("eco-driving"), 5, address="bands/band-4")),
        heard(SERVER.signed(body("eco-driving"), 5, address=BAND, purpose=signed.WIPE)),
        heard(flipped),
        heard(offer("eco-driving", 5, now_s - 1), now_s),
        heard(offer("eco-driving", now_s + 400 * DAY_S), now_s, synced=True),
        heard(taken, now_s, synced=True),
        MINE,
        heard(taken),
        heard(offer("eco-driving", now_s - 1)),
        heard(offer("eco-driving", now_s)),
        heard(offer("eco-driving", now_s + 1, 1)),
    )
    assert [line.split(" ")[0] for line in told] == ["!8", "!8", "!8", "!8", "!9", "!8", "!11", "!4", "installed",
                                                     "passed", "!10", "!10", "installed"]  # fmt: skip
    assert told[8] != told[-1]


def test_a_cut_installation_is_tried_again_and_not_for_ever(run_on: Callable[..., str], tmp_path: Path) -> None:
    first, second = offer("private-driving", 7), offer("eco-driving", 8)
    told = on_all(
        run_on, tmp_path, MINE, heard(first), heard(second, how="cut"), MINE, heard(first), heard(second), heard(second)
    )
    assert [line.split(" ")[0] for line in told] == ["installed", "cut", "!10", "installed", "passed"]
    for host in HOSTS:
        shutil.rmtree(tmp_path / host)
    cuts = [line for _ in range(4) for line in (MINE, heard(second, how="cut"))]
    assert on_all(run_on, tmp_path, *cuts, heard(offer("eco-driving", 9)))[:4] == ["cut", "cut", "cut", "passed over"]


def test_the_largest_pack_is_opened_in_a_small_heap(run_on: Callable[..., str], tmp_path: Path, modules: Path) -> None:
    file = tmp_path / "offer"
    pack = bytes(pack_offer.PACK_BYTES_MAX)
    file.write_bytes(SERVER.signed(pack_offer.encode(pack, "{}"), address=BAND))
    commands = tmp_path / "commands.txt"
    commands.write_text(f"{MINE}\nlook {file}\n")
    told = run_on("micropython32", "offer_vectors.py", commands, tmp_path, heap="64k", modules=modules)
    assert told.split() == [str(len(pack))]


def test_one_bands_key_says_nothing_of_another_s() -> None:
    keys = {SERVER.key.band_key(f"bands/band-{number}") for number in range(50)}
    assert len(keys | {SERVER.key.band_master, SERVER.key.seed}) == 52
    assert {len(key) for key in keys} == {32}
    assert SigningKey.new(SERVER.key.band_master).band_key(BAND) == KEY, "a new key leaves the bands as they are"
