"""Puts the release corpus within reach, and says nothing of failures that tests make."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / folder) for folder in ("corpus", "micropython", "system")]
