"""The books of a flash log are also what a script on MicroPython imports, so they stand in no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
