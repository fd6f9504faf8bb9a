"""A band's flash memory in RAM, for a `FlashLog`: cut off at any byte, failing at any operation, full, or spoilt.

Runs on MicroPython and CPython. What survives a power cut depends on the file system, so there are three of them:

- TORN: as on FAT at its worst. What was written is there byte by byte, also of a file that was never closed, and opening a
  file to write it anew empties it at once.
- COMMITTED: as littlefs promises. A file has its old content until it is closed.
- EMPTIED: like COMMITTED, but the file that was being closed, renamed or removed is empty afterwards (littlefs issue 908).

Steps are counted, so that a run can be repeated with the next of them failing: each operation is one step, and in TORN each byte
written is another.
"""

from headway_edge.flash.log_folder import MEDIUM_FULL, NO_SUCH_FILE, LogFolder

TORN = 0
COMMITTED = 1
EMPTIED = 2

INPUT_OUTPUT = 5  # EIO
READ_ONLY = 30  # EROFS


class PowerCut(BaseException):
    """The device is off: nothing after this happens."""


class SimulatedFlash(LogFolder):
    """The files of one device, as bytes by name in `files`, which outlives it: a reboot is another object on the same files.

    cut_at: the step at which power is cut; 0: never. fail_at: the operation (counted in `operations`, reading too) that
    fails with `error`, an exception; 0: none. persistent: whether all later ones fail as well. late: whether the operation that
    fails has its effect all the same. only: names of operations that count. capacity_bytes: beyond it writing raises ENOSPC.
    """

    def __init__(
        self,
        files: dict[str, bytes],
        kind: int = TORN,
        cut_at: int = 0,
        fail_at: int = 0,
        error: "Exception | None" = None,
        persistent: bool = False,
        late: bool = False,
        only: tuple[str, ...] = (),
        capacity_bytes: int = 1 << 29,
    ) -> None:
        self.files = files
        self.kind = kind
        self.cut_at = cut_at
        self.fail_at = fail_at
        self.error = error
        self.persistent = persistent
        self.late = late
        self.only = only
        self.capacity_bytes = capacity_bytes
        self.steps = 0
        self.operations = 0
        self.failed = 0
        self.off = False

    # --- what can go wrong ----------------------------------------------------------------------------------------

    def begin(self, operation: str) -> bool:
        """Begin an operation; return whether it fails after it has had its effect. Raises what makes it fail before."""
        if self.off:
            raise PowerCut
        if self.only and operation not in self.only:
            return False
        self.operations += 1
        hit = self.operations == self.fail_at or (self.persistent and 0 < self.fail_at < self.operations)
        if hit and self.error is not None:
            self.failed += 1
            if not self.late:
                raise self._another()
        return hit and self.error is not None

    def end(self, fails: bool) -> None:
        """End an operation that had its effect."""
        if fails and self.error is not None:
            raise self._another()

    def _another(self) -> Exception:
        # The same object raised again and again would carry all its traces with it.
        assert self.error is not None  # noqa: S101 - it is what hit
        return type(self.error)(*self.error.args)

    def step(self) -> None:
        """Count a step of what changes the medium; power may be cut here."""
        self.steps += 1
        if self.steps == self.cut_at:
            self.off = True
            raise PowerCut

    def change(self, name: str) -> None:
        """Count the step that changes a file as a whole."""
        try:
            self.step()
        except PowerCut:
            if self.kind == EMPTIED and name in self.files:
                self.files[name] = b""
            raise

    def used_bytes(self) -> int:
        """Return the size of all files."""
        return sum([len(content) for content in self.files.values()])

    # --- what a LogFolder does ------------------------------------------------------------------------------------

    def open(self, name: str, mode: str) -> "SimulatedFile":  # type: ignore[override]
        """Open a file."""
        fails = self.begin("open")
        if mode == "rb":
            if name not in self.files:
                raise OSError(NO_SUCH_FILE, "no such file")
            self.end(fails)
            return SimulatedFile(self, name, self.files[name], False)
        content = self.files.get(name, b"") if mode == "ab" else b""
        if self.kind == TORN:
            self.step()
            self.files[name] = content
        self.end(fails)
        return SimulatedFile(self, name, content, True)

    def names(self) -> list[str]:
        """Return the names of the files."""
        self.end(self.begin("names"))
        return list(self.files)

    def size_bytes(self, name: str) -> int:
        """Return how long a file is."""
        fails = self.begin("size")
        if name not in self.files:
            raise OSError(NO_SUCH_FILE, "no such file")
        self.end(fails)
        return len(self.files[name])

    def rename(self, old: str, new: str) -> None:
        """Rename a file."""
        fails = self.begin("rename")
        if old not in self.files:
            raise OSError(NO_SUCH_FILE, "no such file")
        self.change(old)
        self.files[new] = self.files.pop(old)
        self.end(fails)

    def remove(self, name: str) -> None:
        """Remove a file."""
        fails = self.begin("remove")
        if name not in self.files:
            raise OSError(NO_SUCH_FILE, "no such file")
        self.change(name)
        del self.files[name]
        self.end(fails)


class SimulatedFile:
    """An open file of a SimulatedFlash."""

    def __init__(self, flash: SimulatedFlash, name: str, content: bytes, writing: bool) -> None:
        self._flash = flash
        self._name = name
        self._content = content
        self._writing = writing
        self._at = 0

    def __enter__(self) -> "SimulatedFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seek(self, at: int) -> None:
        """Go on reading at an offset."""
        self._at = at

    def read(self, size: int = -1) -> bytes:
        """Read from there."""
        fails = self._flash.begin("read")
        end = len(self._content) if size < 0 else self._at + size
        data = self._content[self._at : end]
        self._at += len(data)
        self._flash.end(fails)
        return data

    def write(self, data: bytes) -> int:
        """Append to the file; what does not fit makes it fail after what does."""
        flash = self._flash
        fails = flash.begin("write")
        room = flash.capacity_bytes - flash.used_bytes()
        if flash.kind != TORN:
            room -= len(self._content) - len(flash.files.get(self._name, b""))
        fits = data[: max(room, 0)]
        if flash.kind == TORN:
            if flash.steps < flash.cut_at <= flash.steps + len(fits):
                fits = fits[: flash.cut_at - flash.steps - 1]
                flash.files[self._name] += fits
                flash.off = True
                raise PowerCut
            flash.steps += len(fits)
            flash.files[self._name] += fits
        else:
            self._content += fits
        if len(fits) < len(data):
            raise OSError(MEDIUM_FULL, "the medium is full")
        flash.end(fails)
        return len(data)

    def close(self) -> None:
        """Close the file: what was written is on the medium."""
        if not self._writing:
            return
        self._writing = False
        fails = self._flash.begin("close")
        self._flash.change(self._name)
        if self._flash.kind != TORN:
            self._flash.files[self._name] = self._content
        self._flash.end(fails)
