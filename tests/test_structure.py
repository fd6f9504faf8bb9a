"""Imports go one way: protocol <- edge, protocol <- server, all <- simulators; the server sees the edge's pure core only."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What MicroPython has, of what these files may use.
MICROPYTHON_MODULES = {"array", "binascii", "gc", "hashlib", "os", "select", "socket", "struct", "sys"}
MICROPYTHON_FILES = [
    *(ROOT / "protocol/headway_protocol").glob("*.py"),
    *(ROOT / "edge/headway_edge/core").rglob("*.py"),
    ROOT / "edge/headway_edge/session.py",
    ROOT / "edge/headway_edge/orders/freshness.py",
    *(ROOT / "edge/headway_edge/flash").glob("*.py"),
    *(ROOT / "edge/headway_edge/band").glob("*.py"),
    ROOT / "edge/headway_edge/installed_pack.py",
]


def imports(path: Path) -> set[str]:
    """Absolute names of the modules that a file imports when it runs."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if path in MICROPYTHON_FILES else ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            found.add(module)
            if module.startswith("headway_"):
                found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def headway_imports(package: str) -> dict[Path, set[str]]:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    return {path: {name for name in imports(path) if name.startswith("headway_")} for path in files}


CLOCKS = tuple(f"headway_edge.{name}" for name in ("calendar_periods", "clock", "errors", "wall_time"))
FOR_BANDS = tuple(f"headway_edge.{name}" for name in ("orders.freshness", "session"))
OF_ORDERS = tuple(f"headway_edge.{name}" for name in ("clock", "packs", "wall_time", "watcher"))
OF_OWN = tuple(f"headway_edge.{name}" for name in ("calendar_periods", "insight", "watcher"))


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("protocol/headway_protocol", ("headway_protocol",)),
        ("edge/headway_edge/core", ("headway_protocol", "headway_edge.core")),
        ("edge/headway_edge", ("headway_protocol", "headway_edge")),
        ("edge/headway_edge/mqtt", ("headway_protocol", "headway_edge.mqtt")),
        ("edge/headway_edge/flash", ("headway_protocol", "headway_edge.flash")),
        ("edge/headway_edge/band", ("headway_protocol", "headway_edge.band", *FOR_BANDS)),
        ("edge/headway_edge/store", ("headway_protocol", "headway_edge.core", "headway_edge.store", *CLOCKS)),
        (
            "edge/headway_edge/own",
            ("headway_protocol", "headway_edge.core", "headway_edge.store", "headway_edge.own", *OF_OWN),
        ),
        (
            "edge/headway_edge/orders",
            ("headway_protocol", "headway_edge.core", "headway_edge.store", "headway_edge.orders", *OF_ORDERS),
        ),
        ("server/headway_server", ("headway_protocol", "headway_edge.core", "headway_server")),
    ],
)
def test_a_package_imports_only_what_lies_below_it(package: str, allowed: tuple[str, ...]) -> None:
    for path, names in headway_imports(package).items():
        for name in names:
            fits = any(name == root or name.startswith(root + ".") for root in allowed)
            assert fits, f"{path}: {name}"


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a tree's nodes, bodies of functions too, without what only a type checker reads."""
    if isinstance(node, ast.If) and ast.unparse(node.test).rpartition(".")[2] == "TYPE_CHECKING":
        for part in node.orelse:
            yield from running(part)
        return
    yield node
    for part in ast.iter_child_nodes(node):
        yield from running(part)


def modules_in(folder: Path) -> dict[str, Path]:
    """Files of an import package by the modules' absolute names."""
    names = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        names[".".join(parts[:-1] if path.stem == "__init__" else parts)] = path
    return names


def circle(folder: Path) -> list[str]:
    """Return modules of an import package that import each other in a circle, wherever they do it; empty if none do."""
    modules = modules_in(folder)
    graph: dict[str, set[str]] = {}
    for name, path in modules.items():
        found: set[str] = set()
        for node in running(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                parts = [f"{node.module}.{alias.name}" for alias in node.names]
                found.update(part if part in modules else node.module for part in parts)
        graph[name] = found & set(modules)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.mark.parametrize("package", ["protocol", "edge", "server", "simulators"])
def test_modules_of_a_package_import_each_other_one_way(package: str) -> None:
    folder = ROOT / package / f"headway_{package}"
    assert modules_in(folder)
    assert circle(folder) == []


def test_a_circle_is_found_also_where_a_function_closes_it(tmp_path: Path) -> None:
    (tmp_path / "some" / "part").mkdir(parents=True)
    for name, text in {
        "above": "from some import below",
        "below": "from some.part import inner",
        "part/inner": "def late():\n    from some.above import word",
    }.items():
        (tmp_path / "some" / f"{name}.py").write_text(text)
    assert set(circle(tmp_path / "some")) == {"some.above", "some.below", "some.part.inner"}
    inner = tmp_path / "some" / "part" / "inner.py"
    inner.write_text("if TYPE_CHECKING:\n    from some.above import word\nelse:\n    import os")
    assert circle(tmp_path / "some") == []
    inner.write_text("if TYPE_CHECKING:\n    import os\nelse:\n    from some.above import word")
    assert circle(tmp_path / "some") != []


def test_folders_of_the_server_import_each_other_one_way() -> None:
    server = ROOT / "server/headway_server"
    folders = {path.parent.name for path in server.glob("*/__init__.py")}
    assert "ingest" in folders
    graph: dict[str, set[str]] = {name: set() for name in folders}
    for path, names in headway_imports("server/headway_server").items():
        inner = path.relative_to(server).parts[0]
        if inner in folders:
            graph[inner] |= {part for name in names if (part := [*name.split("."), ""][1]) in folders - {inner}}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", MICROPYTHON_FILES, ids=lambda path: path.name)
def test_files_for_microcontrollers_import_only_what_micropython_has(path: Path) -> None:
    for name in imports(path):
        assert name.startswith("headway_") or name in MICROPYTHON_MODULES, f"{path}: {name}"


def test_nothing_on_the_device_or_the_server_knows_that_it_is_simulated() -> None:
    for package in ("edge", "protocol", "server"):
        for path in (ROOT / package).rglob("*.py"):
            assert "headway_simulators" not in path.read_text(encoding="utf-8"), path


def test_the_agent_runs_where_nothing_of_the_servers_is_installed(tmp_path: Path) -> None:
    """As after `pip install headway[edge]`: every import of the other extras' libraries fails."""
    absent = [
        "fastapi",
        "uvicorn",
        "sqlalchemy",
        "alembic",
        "aiosqlite",
        "jinja2",
        "matplotlib",
        "numpy",
        "amqtt",
        "apsw",
        "httpx",
    ]
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}))\n"
        f"sys.argv = ['headway', 'agent', '--store', {str(tmp_path / 'outbox.db')!r}]\n"
        "from headway_simulators.command import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], input="", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "No comparison yet" in done.stdout


def test_a_missing_extra_is_named_with_how_to_install_it() -> None:
    script = (
        "import sys; sys.modules['fastapi'] = None\n"
        "sys.argv = ['headway', 'serve', '--http-port', '0', '--database', 'sqlite+aiosqlite://']\n"
        "from headway_simulators.command import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the Python package 'fastapi' is not installed" in done.stderr
    assert "pip install 'headway[server]'" in done.stderr
