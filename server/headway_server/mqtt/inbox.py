"""The bounded handover from the MQTT client's network thread to the event loop.

When it is full the network thread waits: nothing more is read from the socket, so TCP and the broker hold back what
comes. Rejected alternative: dropping; it would be safe (nothing is acknowledged) but the broker would not send again
until the next connection.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

_RECHECK_S = 0.1  # how often a waiting thread looks whether it is still wanted
_SETTLE_S = 0.003  # a queue that has not grown for this long is taken as it is


class Inbox(Generic[Item]):
    """A queue of at most `size_max` items. `put` is for threads, everything else for the event loop.

    blocked: whether a thread is waiting for room now.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, size_max: int) -> None:
        self._loop = loop
        self._size_max = size_max
        self._items: deque[Item] = deque()
        self._room = threading.Condition()
        self._arrived = asyncio.Event()
        self._closed = False
        self.blocked = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item, wanted: Callable[[], bool]) -> bool:
        """Append, waiting for room while `wanted()`; return False if the item was not taken. Never raises."""
        with self._room:
            while len(self._items) >= self._size_max and wanted() and not self._closed:
                self.blocked = True
                self._room.wait(_RECHECK_S)
            self.blocked = False
            if self._closed or len(self._items) >= self._size_max:
                return False
            self._items.append(item)
            first = len(self._items) == 1
        if first:
            try:
                self._loop.call_soon_threadsafe(self._arrived.set)
            except RuntimeError:
                return False  # the loop is closed: the process is ending, and the broker keeps the message
        return True

    async def take(self, batch_max: int, wait_s: float) -> list[Item]:
        """Return 1 to batch_max items in order; an empty list only once the inbox is closed and empty.

        Waits up to wait_s for a batch to grow, but no longer than it does grow: a broker that keeps only 20 messages in
        flight would otherwise be slowed down to 20 of them per wait_s.
        """
        await self._arrived.wait()
        deadline = self._loop.time() + wait_s
        size = 0
        while not self._closed and size < len(self._items) < batch_max and self._loop.time() < deadline:
            size = len(self._items)
            await asyncio.sleep(min(_SETTLE_S, wait_s))
        with self._room:
            batch = [self._items.popleft() for _ in range(min(batch_max, len(self._items)))]
            if not self._items and not self._closed:
                self._arrived.clear()
            self._room.notify_all()
        return batch

    def close(self) -> None:
        """Take no more; what is inside can still be taken out."""
        with self._room:
            self._closed = True
            self._room.notify_all()
        self._arrived.set()
