"""A disk in memory that forgets what was not synced, tears what was being written, fills up, and fails on demand.

It keeps what POSIX promises of a file system and nothing more: bytes are durable once their file was synced, names once
their folders were. Until then each write, truncation, creation, renaming and removal by itself survives a power cut,
vanishes, or (writes) is torn. Of what overlaps the later stays the later, as with the blocks of a disk.

Folders are there when a file is in them. Not simulated: permissions, links, a file open twice for its own sake, wear.
"""

import errno
import os
from random import Random

from headway_simulators.chaos.disk_faults import LOOKS, Cut, Fault, Flip, Operation, Plan, Refusal
from headway_simulators.chaos.disk_file import DiskFile


class PowerCut(BaseException):
    """The process is gone: nothing after this happens on the disk. No `except Exception` holds it up."""


class _Renaming:
    """A change of names that is not durable yet. Without `source` the file is new, without `target` it is gone."""

    def __init__(self, file: DiskFile, source: str | None, target: str | None) -> None:
        self.file, self.source, self.target = file, source, target
        self.unsynced = {path.rpartition("/")[0] for path in (source, target) if path is not None}

    def apply(self, names: dict[str, DiskFile]) -> None:
        if self.source is not None and names.get(self.source) is self.file:
            del names[self.source]
        if self.target is not None:
            names[self.target] = self.file


class Disk:
    """The disk of one machine.

    random: decides which unsynced bytes survive and where a write is torn. plan: asked before every operation; may be
    replaced at any time. capacity_bytes: of all files together, None for no bound; may be changed at any time.

    Every operation raises OSError where the plan or the capacity refuses it, and PowerCut where the plan says so and from
    then on, until `restart`. `changes` and `looks` count operations. `off`: whether it waits for `restart`.
    """

    def __init__(self, random: Random, plan: Plan | None = None, capacity_bytes: int | None = None) -> None:
        self.random = random
        self.plan = plan
        self.capacity_bytes = capacity_bytes
        self.changes = 0
        self.looks = 0
        self.off = False
        self.life = 0  # counts restarts: what was opened before the last one is dead
        self.used_bytes = 0
        self._keeps_cache = False
        self._names: dict[str, DiskFile] = {}
        self._durable_names: dict[str, DiskFile] = {}
        self._renamings: list[_Renaming] = []

    @property
    def lost_power(self) -> bool:
        """Whether it is off because the power was cut, and not because the process ended."""
        return self.off and not self._keeps_cache

    # What programs do.

    def open(self, path: str, create: bool = True) -> "OpenFile":
        """Open a file, made if missing and `create`. Raises FileNotFoundError."""
        file = self._names.get(path)
        if file is None and create:
            file = DiskFile()
            self._rename("create", _Renaming(file, None, path))
        else:
            self.end(self.begin("open", path), path)
            if file is None:
                raise _missing(path)
        return OpenFile(self, path, file)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        self.check(self.life)
        return path in self._names

    def size(self, path: str) -> int:
        """Return a file's size in bytes. Raises FileNotFoundError."""
        self.check(self.life)
        return len(self._file(path).visible)

    def rename(self, source: str, target: str) -> None:
        """Give a file another name, `target` replaced. Raises FileNotFoundError."""
        self._rename("rename", _Renaming(self._file(source), source, target))

    def remove(self, path: str) -> None:
        """Remove a file; who has it open keeps it. Raises FileNotFoundError."""
        self._rename("remove", _Renaming(self._file(path), path, None))

    def sync_folder(self, folder: str) -> None:
        """Make the names in a folder durable."""
        fault = self.begin("sync-folder", folder)
        for renaming in list(self._renamings):
            if folder in renaming.unsynced and self.goes_through(fault):
                renaming.unsynced.discard(folder)
                if not renaming.unsynced:
                    renaming.apply(self._durable_names)
                    self._renamings.remove(renaming)
        self.end(fault, folder)

    # What happens to the machine.

    def cut(self, power: bool = True) -> None:
        """End the process now; `power`: and the page cache with it. Every operation raises PowerCut until `restart`."""
        self.off = True
        self._keeps_cache = not power

    def restart(self, kept: float = 0.5) -> None:
        """Begin anew with what is left; a machine that was not off has its power cut.

        kept: the chance of each change that was not synced to have survived, see `DiskFile.lose_power`.
        """
        if not (self.off and self._keeps_cache):
            for renaming in self._renamings:
                if self.random.random() < kept:
                    renaming.apply(self._durable_names)
            self._renamings.clear()
            self._names = dict(self._durable_names)
            for path in sorted(self._names):
                self._names[path].lose_power(self.random, kept)
            self._count_bytes()
        for file in self._names.values():
            file.locks.clear()
        self.life += 1
        self.off = self._keeps_cache = False

    # What a test does, or a person with a screwdriver: no operation, no fault.

    def names(self) -> list[str]:
        """Return the files' names, in order."""
        return sorted(self._names)

    def content(self, path: str) -> bytes:
        """Return a file's bytes as a read sees them. Raises FileNotFoundError."""
        return bytes(self._file(path).visible)

    def replace(self, path: str, data: bytes) -> None:
        """Give a file other bytes, made if missing, durably: damage at rest, or a file from elsewhere."""
        file = self._names.setdefault(path, DiskFile())
        file.replace(data)
        self._durable_names[path] = file
        self._count_bytes()

    # What an operation is made of; `OpenFile` uses these too.

    def check(self, life: int) -> None:
        """Raise PowerCut if the machine is off, or was since `life`."""
        if self.off or life != self.life:
            raise PowerCut("the machine is off")

    def begin(self, kind: str, path: str, size: int = 0) -> Fault | None:
        """Count an operation and return what goes wrong with it. Raises PowerCut before it."""
        self.check(self.life)
        if kind in LOOKS:
            self.looks = number = self.looks + 1
        else:
            self.changes = number = self.changes + 1
        fault = None if self.plan is None else self.plan(Operation(number, kind, path, size))
        if isinstance(fault, Cut) and fault.moment == "before":
            self.end(fault, path)
        return fault

    def goes_through(self, fault: Fault | None) -> bool:
        """Whether this part of an operation is done in spite of its fault."""
        if fault is None or isinstance(fault, Flip) or (isinstance(fault, Cut) and fault.moment == "after"):
            return True
        return self.random.random() < 0.5

    def end(self, fault: Fault | None, path: str) -> None:
        """Raise what an operation with this fault raises."""
        if isinstance(fault, Cut):
            self.cut(fault.power)
            raise PowerCut("the power was cut" if fault.power else "the process was killed")
        if isinstance(fault, Refusal):
            raise OSError(fault.number, os.strerror(fault.number), path)

    def _file(self, path: str) -> DiskFile:
        file = self._names.get(path)
        if file is None:
            raise _missing(path)
        return file

    def _rename(self, kind: str, renaming: _Renaming) -> None:
        path = renaming.source or renaming.target or ""
        fault = self.begin(kind, path)
        if not isinstance(fault, Refusal) and self.goes_through(fault):
            renaming.apply(self._names)
            self._renamings.append(renaming)
            self._count_bytes()
        self.end(fault, path)

    def _count_bytes(self) -> None:
        self.used_bytes = sum(len(file.visible) for file in self._names.values())


class OpenFile:
    """A file that a process has open."""

    def __init__(self, disk: Disk, path: str, file: DiskFile) -> None:
        self._disk = disk
        self._path = path
        self._file = file
        self._life = disk.life

    def read(self, size: int, offset: int) -> bytes:
        """Return up to `size` bytes from `offset` on."""
        self._disk.check(self._life)
        fault = self._disk.begin("read", self._path, size)
        self._disk.end(fault, self._path)
        data = self._file.visible[offset : offset + size]
        if isinstance(fault, Flip) and data:
            byte, bit = divmod(fault.bit % (8 * len(data)), 8)
            data[byte] ^= 1 << bit
        return bytes(data)

    def write(self, offset: int, data: bytes) -> None:
        """Write at `offset`. Where there is room for a part only, or the plan refuses it, a part may be written."""
        disk, file = self._disk, self._file
        disk.check(self._life)
        fault = disk.begin("write", self._path, len(data))
        if isinstance(fault, Refusal) or (isinstance(fault, Cut) and fault.moment == "inside"):
            data = data[: disk.random.randrange(len(data) + 1)]
        growth = offset + len(data) - len(file.visible)
        if growth > 0:
            excess = 0 if disk.capacity_bytes is None else disk.used_bytes + growth - disk.capacity_bytes
            if excess > 0:
                data = data[: max(len(data) - excess, 0)]
                growth = max(offset + len(data) - len(file.visible), 0) if data else 0
                fault = fault or Refusal(errno.ENOSPC)
            disk.used_bytes += growth
        if data:
            file.write(offset, data)
        disk.end(fault, self._path)

    def truncate(self, size: int) -> None:
        """Cut the file to `size`."""
        disk = self._disk
        disk.check(self._life)
        fault = disk.begin("truncate", self._path, size)
        if not isinstance(fault, Refusal) and disk.goes_through(fault):
            disk.used_bytes += size - len(self._file.visible)
            self._file.truncate(size)
        disk.end(fault, self._path)

    def sync(self) -> None:
        """Make the file's bytes durable. After a refusal some of them never will be, see `Refusal`."""
        disk = self._disk
        disk.check(self._life)
        fault = disk.begin("sync", self._path)
        if isinstance(fault, Refusal):
            self._file.fail_to_sync(disk.random, fault.reverts)
        elif fault is None or not isinstance(fault, Cut) or fault.moment == "after":
            self._file.sync()
        disk.end(fault, self._path)

    def size(self) -> int:
        """Return the file's size in bytes."""
        self._disk.check(self._life)
        return len(self._file.visible)

    def lock(self, level: int) -> bool:
        """Take one of SQLite's locks, 1 shared to 4 exclusive; return whether it was to be had."""
        others = max((held for who, held in self._file.locks.items() if who is not self), default=0)
        if (level == 1 and others >= 3) or (level == 2 and others >= 2) or (level >= 3 and others >= 1):
            return False
        self._file.locks[self] = max(level, self._file.locks.get(self, 0))
        return True

    def unlock(self, level: int) -> None:
        """Go down to a lock, 0 for none."""
        if level:
            self._file.locks[self] = level
        else:
            self._file.locks.pop(self, None)

    def is_reserved(self) -> bool:
        """Whether anybody is about to write."""
        return any(held >= 2 for held in self._file.locks.values())


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
