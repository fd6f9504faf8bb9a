"""The command that an operator types, as a process of its own."""

import os
import subprocess
import sys

TOKEN = "operator-token"  # noqa: S105 - of the tests


def headway(*arguments: object, token: str | None = TOKEN) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "120", **({"HEADWAY_OPERATOR_TOKEN": token} if token else {})}
    return subprocess.run(
        [sys.executable, "-m", "headway_simulators", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
