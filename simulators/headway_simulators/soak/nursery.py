"""Processes that start in milliseconds: one that has imported what they need forks them, on request, and reaps them.

Starting Python anew for each would let a machine kill two agents a second instead of twenty. A child begins with nothing but the
code: no open database, no socket, no thread.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from headway_simulators.errors import SimulatorError

_MESSAGE_BYTES = 65536
_READ_BYTES = 65536


class Child:
    """A forked process. pid: is its own until `wait` has returned. `told`: reads what it writes to its pipe."""

    def __init__(self, nursery: "Nursery", pid: int, pipe: int) -> None:
        self.pid = pid
        self._nursery = nursery
        self._pipe = pipe
        os.set_blocking(pipe, False)

    def told(self) -> bytes:
        """What it wrote since the last call; after `wait`, all that it ever wrote."""
        pieces = []
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._pipe, _READ_BYTES):
                pieces.append(piece)
        return b"".join(pieces)

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait until it has ended; return its exit code, negative for the signal that ended it."""
        return os.waitstatus_to_exitcode(self._nursery.ask({"wait": self.pid}))

    def kill(self) -> bool:
        """End it with SIGKILL and wait; whether it was that what ended it."""
        self.send(signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def has_ended(self) -> bool:
        """Whether it has ended by itself; it must be waited for all the same."""
        return self._nursery.ask({"look": self.pid}) != 0

    def close(self) -> None:
        """Forget what it told."""
        os.close(self._pipe)


class Nursery:
    """Forks children of one kind; use as a context manager, in one thread. On the way out all children are killed.

    kind: a module of this package with `run(arguments, pipe)`, which is all that a child does. log: gets what they print.
    """

    def __init__(self, kind: str, log: Path) -> None:
        self._kind, self._log = kind, log

    def __enter__(self) -> Self:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        module = f"{__package__}.{self._kind}"
        with theirs, self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()}, {module!r})"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.close()
        self._process.wait()

    def await_ready(self) -> None:
        """Wait until it has imported what its children need; `fork` waits as well."""
        self.ask({"ready": 0})

    def fork(self, **arguments: Any) -> Child:
        """Start a child; arguments: what JSON can say."""
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._socket, [json.dumps({"fork": arguments}).encode()], [writing])
            return Child(self, self._answer(), reading)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)

    def ask(self, question: dict[str, int]) -> int:
        """For children."""
        self._socket.send(json.dumps(question).encode())
        return self._answer()

    def _answer(self) -> int:
        answer = self._socket.recv(_MESSAGE_BYTES)
        if not answer:
            raise SimulatorError(f"the process that forks {self._kind} has ended; its log is {self._log}")
        return int(answer)


def serve(descriptor: int, module: str) -> None:
    """Fork as asked through the socket `descriptor` until its other end is closed; then kill what is left."""
    children: dict[int, int | None] = {}  # its wait status once it has ended
    with socket.socket(fileno=descriptor) as asked:
        run = import_module(module).run
        while True:
            message, descriptors, _, _ = socket.recv_fds(asked, _MESSAGE_BYTES, 1)
            if not message:
                break
            question = json.loads(message)
            if "fork" in question:
                pid = os.fork()
                if pid == 0:
                    asked.close()
                    _live(run, question["fork"], descriptors[0])
                os.close(descriptors[0])
                children[pid] = None
                answer = pid
            elif "wait" in question:
                pid = question["wait"]
                status = children.pop(pid)
                answer = os.waitpid(pid, 0)[1] if status is None else status
            elif "ready" in question:
                answer = 0
            else:
                pid = question["look"]
                if children[pid] is None:
                    found, status = os.waitpid(pid, os.WNOHANG)
                    children[pid] = status if found else None
                answer = int(children[pid] is not None)
            asked.send(str(answer).encode())
    for pid in (pid for pid, status in children.items() if status is None):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _live(run: Any, arguments: dict[str, Any], pipe: int) -> None:
    code = 1
    try:
        run(arguments, pipe)
        code = 0
    except BaseException:  # noqa: BLE001 - this is where the process ends, whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
