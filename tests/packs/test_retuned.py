"""Learned weights written into a pack's source: the next version, and nothing else of what its author wrote changes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.errors import ServerError
from headway_server.packs import library
from headway_server.packs.compile import compile_source
from headway_server.packs.outlook import in_gains
from headway_server.packs.retuned import in_decimals, retuned
from headway_server.packs.source import parse

SERIES = '\n[series.often] # how often\nof = "trips_per_100km"\neach = "day"\nabout = """\nOn\n\nthree\n[lines]."""\n# the end\n'
CLASSES = {"experience": ["beginner", "settled"]}
WEIGHTS = {"experience": [-8192, 3932]}


@given(st.integers(-(1 << 15), 1 << 15))
def test_every_weight_has_a_decimal_that_is_read_as_it(weight: int) -> None:
    text = in_decimals(weight)
    assert in_gains(Fraction(text)) == weight
    assert len(text) <= 8


def added(before: str, after: str) -> list[str]:
    """The lines that are new; fails where an old one is gone, but for the version's."""
    old, new = before.split("\n"), after.split("\n")
    gone = [line for line in old if line not in new]
    assert gone in ([], ["version = 1"])
    return [line for line in new if line not in old]


def test_weights_gains_and_the_factor_are_added_and_the_version_raised(minimal: str) -> None:
    text = minimal + SERIES
    written = retuned(text, "m", "often", WEIGHTS, CLASSES, {"alpha": Fraction(1, 5)})
    assert added(text, written) == [
        "version = 2",
        'model = "r1"',
        "alpha = 0.2",
        "weights = { experience = [-0.25, 0.12] }",
        "[factors.experience]",
        'title = "Experience"',
        'classes = ["beginner", "settled"]',
        'about = "As the fleet knows it of its persons."',
    ]
    parts = compile_source(parse(written.encode(), "m")).parts
    assert parts[16] == [[100, 1, 0, 0, [1, 6554, 16384, 16384, [[-8192, 3932]]]]]


def test_weights_that_are_there_are_replaced_on_their_line(minimal: str) -> None:
    first = retuned(minimal + SERIES, "m", "often", WEIGHTS, CLASSES, {})
    second = retuned(first, "m", "often", {"experience": [1, 2]}, CLASSES, {})
    assert second == first.replace("[-0.25, 0.12]", "[0.00003, 0.00006]").replace("version = 2", "version = 3")


def test_a_comment_beside_the_version_stays(minimal: str) -> None:
    text = minimal.replace("version = 1", "version = 1  # raise it") + SERIES
    assert "\nversion = 2  # raise it\n" in retuned(text, "m", "often", WEIGHTS, CLASSES, {})


@pytest.mark.parametrize("name", library.names())
def test_any_series_of_a_pack_that_ships_can_be_given_weights(name: str) -> None:
    text = library.path(name).read_text(encoding="utf-8")
    source = parse(text.encode(), name)
    before = compile_source(source)
    for place, item in enumerate(source.tables["series"]):
        written = retuned(text, name, item.name, WEIGHTS, CLASSES, {})
        parts = compile_source(parse(written.encode(), name)).parts
        expected = [
            *before.parts[:2],
            before.parts[2] + 1,
            *before.parts[3:18],
            [["experience", CLASSES["experience"]]],
            before.parts[19] if len(before.parts) > 19 else [],
        ]
        series = [list(one) for one in before.parts[16]]
        series[place][4] = [1, 9830, 16384, 16384, [[-8192, 3932]]]
        # The other series have no model, so no weights either.
        expected[16] = series
        assert parts == expected


def test_weights_in_a_table_of_their_own_cannot_be_replaced_and_it_is_said(minimal: str) -> None:
    factor = '\n[factors.experience]\ntitle = "x"\nclasses = ["beginner", "settled"]\nabout = "x"\n'
    text = minimal + factor + SERIES + 'model = "r1"\n\n[series.often.weights]\nexperience = [0, 0]\n'
    with pytest.raises(ServerError, match=r"'weights' is not written on one line of its own") as refused:
        retuned(text, "m", "often", WEIGHTS, CLASSES, {})
    assert "weights = { experience = [-0.25, 0.12] }" in refused.value.next_step
