"""What a broker must not send is judged by the link with the same words on every host, in a heap of fixed size."""

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.edge.hostile_bytes import HARMLESS, HOSTILE, mutated

RunOn = Callable[..., str]
HEAP = {"micropython": "400k", "micropython32": "160k"}


def corpus() -> list[tuple[int, bytes, int]]:
    found = [(stage, data, size) for stage, data, _ in HOSTILE.values() for size in (1, 256) if len(data) < 1000]
    found += [(2, data, size) for data, _ in HARMLESS.values() for size in (7, 256) if len(data) < 12_000]
    return found + mutated(400, 20260101)


@pytest.mark.full
@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_packets_are_judged_with_the_same_words_everywhere(host: str, tmp_path: Path, run_on: RunOn) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"{stage} {data.hex() or '-'} {size}\n" for stage, data, size in corpus()))
    expected = run_on("cpython", "hostile_packets.py", path).splitlines()
    assert len(expected) == len(corpus())
    assert len({hashlib.sha256(line.encode()).digest() for line in expected}) > 150, "or they are all the same"
    assert run_on(host, "hostile_packets.py", path, heap=HEAP[host]).splitlines() == expected


@pytest.mark.full
@pytest.mark.parametrize("host", ["cpython", "micropython", "micropython32"])
def test_where_no_broker_is_the_link_says_so(host: str, run_on: RunOn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # accepts for the kernel, and says nothing
        port = listener.getsockname()[1]
        places = ("no-such-host.invalid", 1, "127.0.0.1", 1, "localhost", 1, "127.0.0.1", port)
        printed = run_on(host, "no_broker.py", *map(str, places)).splitlines()
    assert printed == [
        "2 its name cannot be resolved False",
        "2 nothing listens there False",
        "2 nothing listens there False",
        "2 no connection within 30 s False",
    ]
