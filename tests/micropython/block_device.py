"""Flash memory in RAM for a real littlefs: it can be cut off, and counts what wears it out; MicroPython only."""

import os

from headway_simulators.simulated_flash import PowerCut


class BlockDevice:
    """Memory that outlives the device: `cells`, of `blocks` blocks.

    cut_at: power goes at that write or erasure, in the middle of it; 0: never. erasures: of each block; written_bytes: of all.
    """

    def __init__(self, cells, block_bytes, cut_at=0):
        self.cells = cells
        self.block_bytes = block_bytes
        self.blocks = len(cells) // block_bytes
        self.cut_at = cut_at
        self.steps = 0
        self.off = False
        self.gone = False  # nobody waits for an answer: files left open are closed by the garbage collector
        self.erasures = [0] * self.blocks
        self.written_bytes = 0

    def is_cut(self):
        """Count a step; return whether power goes now."""
        if self.off:
            raise PowerCut
        self.steps += 1
        self.off = self.steps == self.cut_at
        return self.off

    def readblocks(self, block, buffer, offset=0):
        """Read."""
        if self.gone:
            return
        if self.off:
            raise PowerCut
        at = block * self.block_bytes + offset
        buffer[:] = self.cells[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        """Write to what was erased."""
        if self.gone:
            return
        at = block * self.block_bytes + offset
        size_bytes = len(buffer) // 2 if self.is_cut() else len(buffer)
        self.cells[at : at + size_bytes] = buffer[:size_bytes]
        self.written_bytes += size_bytes
        if self.off:
            raise PowerCut

    def ioctl(self, request, argument):
        """Say how large it is, and erase."""
        if self.gone:
            return 0
        if request == 4:
            return self.blocks
        if request == 5:
            return self.block_bytes
        if request == 6:
            at = argument * self.block_bytes
            cut = self.is_cut()
            # Half erased is neither what it was nor erased.
            self.cells[at : at + self.block_bytes] = (b"\xa5" if cut else b"\xff") * self.block_bytes
            self.erasures[argument] += 1
            if cut:
                raise PowerCut
        return 0


def formatted(blocks, block_bytes):
    """Return cells with an empty file system."""
    cells = bytearray(b"\xff" * (blocks * block_bytes))
    os.VfsLfs2.mkfs(BlockDevice(cells, block_bytes))
    return cells


def mounted(cells, block_bytes, cut_at=0):
    """Return the block device, its file system mounted at /flash in the place of the one before."""
    try:  # noqa: SIM105
        os.umount("/flash")
    except (OSError, PowerCut):
        pass
    device = BlockDevice(cells, block_bytes, cut_at)
    os.mount(os.VfsLfs2(device), "/flash")
    return device
