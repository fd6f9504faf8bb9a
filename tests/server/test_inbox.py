"""The handover between threads: bounded, in order, never stuck."""

import asyncio
import threading
import time

import pytest

from headway_server.mqtt.inbox import Inbox

pytestmark = pytest.mark.anyio


async def test_items_come_out_in_order_and_in_batches():
    inbox = Inbox(asyncio.get_running_loop(), 100)
    for n in range(7):
        inbox.put(n, lambda: True)
    assert [await inbox.take(3, 0), await inbox.take(3, 0), await inbox.take(3, 0)] == [[0, 1, 2], [3, 4, 5], [6]]


async def test_a_full_inbox_makes_the_thread_wait_and_loses_nothing():
    inbox = Inbox(asyncio.get_running_loop(), 5)
    thread = threading.Thread(target=lambda: [inbox.put(n, lambda: True) for n in range(50)])
    thread.start()
    while not inbox.blocked:  # noqa: ASYNC110 - it is a thread that sets it
        await asyncio.sleep(0.001)
    assert len(inbox) == 5
    taken = []
    while len(taken) < 50:
        taken += await inbox.take(3, 0)
        assert len(inbox) <= 5
    await asyncio.to_thread(thread.join)
    assert taken == list(range(50))


@pytest.mark.parametrize("ending", ["unwanted", "closed"])
async def test_a_waiting_thread_is_released(ending):
    inbox = Inbox(asyncio.get_running_loop(), 1)
    inbox.put("kept", lambda: True)
    wanted = threading.Event()
    wanted.set()
    putting = asyncio.create_task(asyncio.to_thread(inbox.put, "refused", wanted.is_set))
    while not inbox.blocked:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    wanted.clear() if ending == "unwanted" else inbox.close()
    assert await putting is False
    assert await inbox.take(10, 0) == ["kept"]


async def test_a_closed_inbox_gives_out_the_rest_then_nothing():
    inbox = Inbox(asyncio.get_running_loop(), 10)
    inbox.put(1, lambda: True)
    inbox.close()
    assert inbox.put(2, lambda: True) is False
    assert await inbox.take(10, 5) == [1]
    assert await inbox.take(10, 5) == []


async def test_a_batch_waits_for_others_but_not_when_none_come():
    inbox = Inbox(asyncio.get_running_loop(), 100)
    inbox.put(0, lambda: True)
    began = time.monotonic()
    assert await inbox.take(100, 5) == [0]
    assert time.monotonic() - began < 1, "what has stopped growing is taken, long before the five seconds"
