"""Puts this folder's own helpers, and those the vectors are made with, within reach of its tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("vectors", "micropython", "bulk")]
