"""What docs/control-charts.md says of charting errors or values is what the simulated charts give."""

import re
from pathlib import Path

import pytest
from bench.control import errors_or_values

PAGE = (Path(__file__).parents[2] / "docs" / "control-charts.md").read_text(encoding="utf-8")
TABLE = re.findall(
    r"^\| ([\d.]+) \| (\d+) % \| (\d+) % \| (\d+) % \| (\d+) % \| (\d+) % \| (\d+) % \|$", PAGE, re.MULTILINE
)


def test_the_page_has_the_table() -> None:
    assert [row[0] for row in TABLE] == ["0", "0.15", "0.3"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"r {row[0]}")
def test_the_table_of_errors_and_values(row: tuple[str, ...]) -> None:
    leaning, *told = map(float, row)
    asked = [(0.0, 50), (1.0, 20), (2.0, 20)]
    found = [errors_or_values(leaning, step, within, errors) for errors in (True, False) for step, within in asked]
    assert [round(100 * share) for share in found] == told
