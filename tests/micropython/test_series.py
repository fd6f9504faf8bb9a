"""The series of a process: the same forecasts, charts and words on every interpreter, whatever model and chart a pack has."""

from collections.abc import Callable
from pathlib import Path

import pytest

from headway_server.packs import library
from headway_server.packs.compile import compile_source
from headway_server.packs.source import parse

FACTOR = '[factors.experience]\ntitle = "x"\nclasses = ["new", "long"]\nabout = "x"\n\n[series.idling]\n'
MODELS = {
    "as it ships": ("", ""),
    "of values": ("", 'watch = "values"\n'),
    "r1": ('model = "r1"\nweights = { experience = [-0.5, 0.25] }\n', ""),
    "r2": ('model = "r2"\nalpha = 0.4\nweights = { experience = [-0.5, 0.25] }\n', 'watch = "values"\n'),
}


@pytest.mark.full
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", ["private-driving", "wellness"])
def test_the_same_series_everywhere(name: str, model: str, tmp_path: Path, run_on: Callable[..., str]) -> None:
    text = library.path(name).read_text(encoding="utf-8")
    of_idling, of_charts = MODELS[model]
    heading = "[series.idling]\n" if name == "private-driving" else "[series.steps]\n"
    text = text.replace(heading, FACTOR.replace("[series.idling]\n", heading) + of_idling)
    for chart in ('chart = "ewma"\n', 'chart = "cusum"\n'):
        text = text.replace(chart, chart + of_charts)
    pack = tmp_path / "pack.cbor"
    pack.write_bytes(compile_source(parse(text.encode(), name)).data)
    for place in ("-1", "0", "1") if of_idling else ("-1",):
        expected = run_on("cpython", "series_vectors.py", pack, "7", place)
        assert len(expected.splitlines()) > 12
        assert "[(" in expected  # something was forecast
        for host in ("micropython", "micropython32"):
            assert run_on(host, "series_vectors.py", pack, "7", place) == expected
