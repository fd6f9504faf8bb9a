"""A pack read from its bytes item by item: the same packs, refusals and programs as one that is decoded whole."""

import random

import pytest
from test_pack import GOOD, changed, places

from headway_edge import packs
from headway_edge.core.pack import Pack
from headway_edge.core.pack_code import generate
from headway_edge.core.pack_parts import Items
from headway_protocol import cbor
from headway_protocol.errors import DecodeError

SHIPPED = {name: packs.load(name).pack for name in packs.names()}
DATA = {name: (packs._FOLDER / f"{name}.cbor").read_bytes() for name in SHIPPED}


def read(data: bytes, lean: bool) -> object:
    """What comes of reading: the program of each class, the totals and the characteristics, or why it was refused."""
    try:
        pack = Pack(data, lean=lean)
    except (ValueError, DecodeError) as error:
        return type(error), str(error)
    programs = [generate(pack, name)[0] for name in pack.classes]
    others = [list(part) for part in (pack.period, pack.characteristics, pack.contexts, pack.axes, pack.enough)]
    return programs, others, pack.cells, pack.value_ranges


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_pack_is_the_same_either_way(name: str) -> None:
    found = read(DATA[name], lean=True)
    assert found == read(DATA[name], lean=False)
    assert isinstance(found[0], list)  # not refused


def test_what_is_left_in_the_bytes_is_decoded_when_it_is_looked_at() -> None:
    lean, whole = Pack(cbor.encode(GOOD, 14), lean=True), Pack(cbor.encode(GOOD, 14))
    assert isinstance(lean.values, Items)
    assert isinstance(whole.values, list)
    assert (len(lean.values), lean.values[1], list(lean.values)) == (2, GOOD[8][1], GOOD[8])
    assert lean.values[1] is not lean.values[1]
    with pytest.raises(IndexError):
        lean.values[2]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_bytes_are_refused_in_the_same_words(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    outcomes = {True: 0, False: 0}
    for _ in range(250):
        data = bytearray(dice.choice([*DATA.values(), cbor.encode(GOOD, 14)]))
        for _ in range(dice.randrange(1, 3)):
            at = dice.randrange(len(data))
            edit = dice.randrange(5)
            if edit == 0:
                data.insert(at, dice.randrange(256))
            elif edit == 1:
                del data[at:]
                data.append(dice.randrange(256))
            else:
                data[at] = (data[at] + dice.choice([-1, 1])) % 256 if edit == 2 else dice.randrange(256)
        found = read(bytes(data), lean=True)
        assert found == read(bytes(data), lean=False)
        outcomes[isinstance(found[0], list)] += 1
    assert min(outcomes.values()) > 10


ODD = (None, True, -1, 1 << 40, "", "s", [], [[]], ["s", 0], ["lag", ["v", 0], 700], [["and"]], {}, b"\x00")


@pytest.mark.parametrize("path", [path for path in places(GOOD) if path], ids=str)
def test_whatever_is_put_in_the_place_of_any_part_comes_to_the_same(path: tuple[int, ...]) -> None:
    for value in ODD:
        data = cbor.encode(changed(path, value), 14)
        assert read(data, lean=True) == read(data, lean=False)


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x90", b"\x00", b"\x81\x00", b"\xa0", b"\x99\x10\x01", b"\x01\x02"])
def test_what_is_no_array_of_a_packs_parts_is_refused_in_the_same_words(data: bytes) -> None:
    found = read(data, lean=True)
    assert found == read(data, lean=False)
    assert found[0] in (ValueError, DecodeError)


def test_bytes_after_a_pack_are_refused_in_the_same_words() -> None:
    data = cbor.encode(GOOD, 14) + b"\x00"
    assert read(data, lean=True) == read(data, lean=False)
    assert "1 bytes after the value" in str(read(data, lean=True))


def test_nesting_is_bounded_alike() -> None:
    for depth in range(8, 16):
        tree = 0
        for _ in range(depth):
            tree = ["abs", tree]
        data = cbor.encode(changed((8, 0), tree), 20)
        assert read(data, lean=True) == read(data, lean=False)
