"""What a benchmark yields: rows of (what, figure, unit, how)."""

from collections.abc import Iterator

Row = tuple[str, str, str, str]
Rows = Iterator[Row]
