"""A script on a kernel of its own: user-mode Linux is a kernel that runs as a process and may be spoilt, and killed, like one.

It sees this machine's files, may write to one folder of them, and has a network of its own, with nothing in it.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_MODULES = Path("/usr/lib/uml/modules")
_INIT = Path(__file__).with_name("own_kernel_init.py")
_NEEDS = (
    "this needs a kernel that can be spoilt: on Debian, apt-get install user-mode-linux kmod iproute2 (or run .ci/run)"
)


class OwnKernel:
    """The kernel on which `script` runs with `arguments`; use as a context manager, which kills it on the way out.

    folder: the one that the script may write to, under the same path; its console is kept there. modules: of the kernel, that
    the script needs. disk: an image that is its block device /dev/ubda. consoles: what it writes to /dev/tty1 and so on is in
    these files once its write has returned.
    """

    def __init__(
        self,
        folder: Path,
        script: Path,
        *arguments: str,
        modules: Sequence[str] = (),
        disk: Path | None = None,
        consoles: Sequence[Path] = (),
    ) -> None:
        executable = shutil.which("linux.uml")
        if executable is None or shutil.which("insmod", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            pytest.fail(_NEEDS)
        self._exit_code, self._console = folder / "exit_code", folder / "console.log"
        files = ",".join(str(next(_MODULES.rglob(f"{name}.ko"))) for name in modules)
        devices = [] if disk is None else [f"ubd0={disk}"]
        self._outputs = [os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) for path in consoles]
        devices += [f"con{number}=null,fd:{output}" for number, output in enumerate(self._outputs, 1)]
        self._command = [
            *(executable, "mem=1G", "rootfstype=hostfs", "root=/dev/root", "rootflags=/", "ro", "quiet"),
            *(f"uml_dir={folder}", *devices, "con=null", "con0=null,fd:1", "console=tty0"),
            *(f"init={sys.executable}", "--", str(_INIT)),
            *(str(folder), f"modules={files}", str(script), *arguments),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "OwnKernel":
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()
        for output in self._outputs:
            os.close(output)

    @property
    def console(self) -> str:
        """What kernel and script printed so far."""
        return self._console.read_text(encoding="utf-8", errors="replace")

    def start(self) -> None:
        """Switch it on."""
        self._exit_code.unlink(missing_ok=True)
        with self._console.open("ab") as console:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                pass_fds=self._outputs,
                start_new_session=True,
            )

    def kill(self) -> None:
        """Cut its power: what it has not written to a file of this machine is gone."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # what runs on it is its children, in disguise
            self._process.wait()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still meanwhile: what its disk has now is what it would have after a power cut."""
        assert self._process is not None
        assert self._process.poll() is None, self.console[-3000:]
        self._process.send_signal(signal.SIGSTOP)
        yield
        self._process.send_signal(signal.SIGCONT)

    def wait(self, seconds: float) -> None:
        """Wait until the script has ended; it has to end well."""
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"not within {seconds:g} s: {self.console[-3000:]}")
        assert self._exit_code.exists(), self.console[-3000:]
        assert self._exit_code.read_text() == "0", self.console[-3000:]
