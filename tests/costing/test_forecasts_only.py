"""Customer factors move forecasts. What people are compared and scored by must not be able to see them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = [ROOT / "edge", ROOT / "server", ROOT / "protocol"]
FACTORS = (
    "headway_server.factors",
    "headway_edge.core.forecast.factor_weight",
    "headway_edge.core.forecast.customer_factor",
)


def path_of(module: str) -> Path | None:
    for folder in FOLDERS:
        for candidate in (folder / f"{module.replace('.', '/')}.py", folder / module.replace(".", "/") / "__init__.py"):
            if candidate.exists():
                return candidate
    return None


def reached(module: str) -> set[str]:
    """Every module of ours that importing this one leads to, itself included."""
    found: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        path = path_of(name)
        if path is None or name in found:
            continue
        found.add(name)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                left += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                left += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def test_the_walk_finds_what_is_imported() -> None:
    assert "headway_edge.core.forecast.factor_weight" in reached("headway_server.factors.learn")


@pytest.mark.parametrize(
    "module",
    [
        "headway_edge.core.score",
        "headway_edge.core.comparison",
        "headway_server.cohorts.benchmarks",
        "headway_edge.core.history",
    ],
)
def test_no_score_comparison_or_benchmark_can_read_a_customer_factor(module: str) -> None:
    modules = reached(module)
    assert module in modules
    assert [name for name in modules if name.startswith(FACTORS)] == []
