"""Puts this folder's own helpers, and the reader that runs on MicroPython too, within reach of its tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("corpus", "micropython")]
