"""COVESA's own tools take the overlay and the tree of wearables, over a small base with units as VSS writes them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.full

VSS = Path(__file__).parents[2] / "vss"
BASE = """
Vehicle:
  type: branch
  description: High-level vehicle data.

Vehicle.Speed:
  datatype: float
  type: sensor
  unit: km/h
  description: Vehicle speed.
"""
UNITS = {"km/h": "velocity", "min": "duration", "cpm": "angular-speed"}


def exported(folder: Path, *arguments: str) -> dict[str, object]:
    vspec = shutil.which("vspec", path=str(Path(sys.executable).parent))
    if vspec is None:
        pytest.fail("vss-tools is not installed: make test-all does it, from requirements-judges.lock")
    (folder / "base.vspec").write_text(BASE, encoding="utf-8")
    (folder / "quantities.yaml").write_text("".join(f"{name}:\n  definition: x\n" for name in UNITS.values()))
    (folder / "units.yaml").write_text(
        "".join(
            f"{unit}:\n  definition: x\n  unit: in words {unit}\n  quantity: {quantity}\n  allowed-datatypes: ['numeric']\n"
            for unit, quantity in UNITS.items()
        )
    )
    output = folder / "vss.json"
    command = [
        vspec,
        "export",
        "json",
        *arguments,
        "-u",
        "units.yaml",
        "-q",
        "quantities.yaml",
        "--output",
        str(output),
    ]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(output.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def leaves(tree: object, path: str = "") -> set[str]:
    found = set()
    for name, node in tree.items() if isinstance(tree, dict) else ():
        here = f"{path}.{name}" if path else name
        found |= leaves(node["children"], here) if "children" in node else {here}
    return found


def declared(file: Path) -> set[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    names = {line[:-1] for line in lines if line.endswith(":") and not line.startswith((" ", "#"))}
    return {name for name in names if not any(other.startswith(name + ".") for other in names)}


def test_the_overlay_is_taken(tmp_path: Path) -> None:
    tree = exported(tmp_path, "--vspec", "base.vspec", "--overlays", str(VSS / "headway.vspec"))
    assert leaves(tree) == declared(VSS / "headway.vspec") | {"Vehicle.Speed"}


def test_the_tree_of_wearables_is_taken(tmp_path: Path) -> None:
    tree = exported(tmp_path, "--vspec", str(VSS / "wearable.vspec"))
    assert leaves(tree) == declared(VSS / "wearable.vspec")
