"""How memory and file descriptors of a process develop while it is left alone."""

import os
from dataclasses import dataclass, field
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# What may still be no leak, of one half of the time over the other: a cache that fills, connections that come and go.
RSS_GROWTH_BYTES = 32 * 2**20
FDS_GROWTH = 8


def rss_bytes(pid: int) -> int:
    """Return a process's resident memory, shared pages included."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def forget_peak(pid: int) -> None:
    """Have `peak_bytes` begin anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def peak_bytes(pid: int) -> int:
    """Return the most resident memory that a process had, since its start or `forget_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def fds(pid: int) -> int:
    """Return how many file descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@dataclass
class Usage:
    """Samples of one process: (seconds, bytes of resident memory, file descriptors)."""

    name: str
    samples: list[tuple[float, int, int]] = field(default_factory=list)

    def look(self, pid: int, now_s: float) -> None:
        """Take a sample."""
        self.samples.append((now_s, rss_bytes(pid), fds(pid)))

    @property
    def rss_max_bytes(self) -> int:
        """The most that it had."""
        return max((rss for _, rss, _ in self.samples), default=0)

    @property
    def fds_max(self) -> int:
        """The most that it had open."""
        return max((count for _, _, count in self.samples), default=0)

    def slope_an_hour(self, which: int) -> float:
        """Least-squares slope over the second half, an hour; which: 1 for bytes, 2 for file descriptors."""
        half = self.samples[len(self.samples) // 2 :]
        if len(half) < 3:
            return 0.0
        times, values = [s[0] for s in half], [float(s[which]) for s in half]
        mean_s, mean = sum(times) / len(half), sum(values) / len(half)
        spread = sum((t - mean_s) ** 2 for t in times)
        return 3600 * sum((t - mean_s) * (v - mean) for t, v in zip(times, values, strict=True)) / spread

    def violations(self) -> list[str]:
        """What looks like a leak: the last quarter stands that much above the second."""
        quarter = len(self.samples) // 4
        if quarter < 3:
            return []
        found = []
        for which, bound, what in ((1, RSS_GROWTH_BYTES, "bytes of memory"), (2, FDS_GROWTH, "file descriptors")):
            early = max(s[which] for s in self.samples[quarter : 2 * quarter])
            late = min(s[which] for s in self.samples[-quarter:])
            if late - early > bound:
                found.append(f"{self.name}: {late - early} {what} more than a half earlier")
        return found
