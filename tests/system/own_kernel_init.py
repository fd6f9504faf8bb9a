"""The first process of a kernel of its own (`own_kernel`): makes it habitable, runs a script, switches it off.

Arguments: the folder that may be written to, `modules=` and files of them with commas in between, the script, its arguments.
"""

import ctypes
import os
import subprocess
import sys
import traceback
from pathlib import Path

_POWER_OFF = 0x4321FEDC  # linux/reboot.h


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def main(folder: str, modules: str, *command: str) -> int:
    """Return the script's exit code."""
    os.environ |= {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/run", "TMPDIR": "/run", "PYTHONUNBUFFERED": "1"}
    _run("mount", "-t", "proc", "proc", "/proc")
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    _run("mount", "-t", "hostfs", "-o", folder, "none", folder)
    for module in filter(None, modules.removeprefix("modules=").split(",")):
        _run("insmod", module)
    _run("ip", "link", "set", "lo", "up")
    return subprocess.run([sys.executable, *command], check=False).returncode


if __name__ == "__main__":
    code = 1
    try:
        code = main(*sys.argv[1:])
        (Path(sys.argv[1]) / "exit_code").write_text(str(code))
    except Exception:  # noqa: BLE001 - nobody else would print it
        traceback.print_exc()
    finally:
        os.sync()
        ctypes.CDLL(None).reboot(_POWER_OFF)
