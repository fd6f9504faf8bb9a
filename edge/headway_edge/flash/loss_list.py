"""Records that are lost, until the server knows: found missing, dropped for want of room, or spoilt in writing.

Each is to be declared by a LOSS record. What was declared stays in the list until that record is settled: if it has to be
dropped itself, the loss is to be declared again.
"""

# A full log that is never settled drops a segment for the LOSS records of the segment before. So that this comes to an end, all
# that the list can hold must fit into one segment: a LOSS takes 84 bytes at most.
LOSSES_MAX = 32
SEGMENT_BYTES_PER_LOSS = 128

# Reasons, as they are told in a LOSS record. Numbers are stored: append only.
STORAGE_FULL = 0
DAMAGED = 1
WRITE_FAILED = 2
SKIPPED = 3
REASONS = ("storage full", "missing or damaged", "write failed", "write refused")


class LossList:
    """At most `entries_max` ranges; `unnamed` counts lost records that found no place: they are looked for again.

    entries: [boot, first_seq, last_seq, reason, boot and seq of the LOSS record that declared it, or 0, 0].
    """

    def __init__(self, entries_max: int = LOSSES_MAX) -> None:
        self.entries_max = entries_max
        self.entries = []  # type: list
        self.unnamed = 0

    def step(self, boot: int, seq: int, last: int) -> tuple:
        """Return (whether `seq` is lost, the last seq up to `last` of which the same is true)."""
        for entry in self.entries:
            if entry[0] == boot and seq <= entry[2]:
                if seq >= entry[1]:
                    return True, min(last, entry[2])
                last = min(last, entry[1] - 1)
        return False, last

    def add(self, boot: int, first: int, last: int, reason: int) -> None:
        """Add first..last of a boot, none of which is in the list; what it touches becomes one with it, undeclared."""
        new = [boot, first, last, reason, 0, 0]
        kept = []
        for entry in self.entries:
            if entry[0] == boot and entry[3] == reason and entry[1] <= last + 1 and entry[2] >= first - 1:
                new[1], new[2] = min(new[1], entry[1]), max(new[2], entry[2])
            else:
                kept.append(entry)
        if len(kept) >= self.entries_max:
            self.unnamed += last - first + 1
            return
        kept.append(new)
        kept.sort()
        self.entries = kept

    def undeclared(self) -> list:
        """Return the entries that no LOSS record declares."""
        return [entry for entry in self.entries if entry[5] == 0]

    def declare(self, boot: int, first: int, last: int, by_boot: int, by_seq: int) -> None:
        """A LOSS record, which is (by_boot, by_seq), declares first..last of a boot."""
        for entry in self.entries:
            if entry[0] == boot and first <= entry[1] and entry[2] <= last:
                entry[4], entry[5] = by_boot, by_seq

    def dropped(self, boot: int, first: int, last: int) -> None:
        """Records of a boot are dropped: what they declared is to be declared again."""
        for entry in self.entries:
            if entry[4] == boot and first <= entry[5] <= last:
                entry[4] = entry[5] = 0

    def settle(self, boot: int, first: int, last: int) -> list:
        """The server has settled first..last of a boot; return what it knows to be lost, [(boot, first, last), ...].

        That is what lies in the range, and what records in it declared. Both leave the list.
        """
        known, kept = [], []
        for entry in self.entries:
            if entry[4] == boot and first <= entry[5] <= last:
                known.append((entry[0], entry[1], entry[2]))
            elif entry[0] != boot or entry[1] > last or entry[2] < first:
                kept.append(entry)
            else:
                known.append((boot, max(first, entry[1]), min(last, entry[2])))
                if entry[1] < first:
                    kept.append([boot, entry[1], first - 1] + entry[3:])
                if entry[2] > last:
                    kept.append([boot, last + 1, entry[2]] + entry[3:])
        self.entries = kept
        return known
