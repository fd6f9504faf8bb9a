"""The check at the end of a run of what a server told devices to do: run another pack, and forget their persons.

What was erased is looked for byte by byte. A record has boot and seq in it, but not its device: two that were never told the time
may have made the same bytes, which are looked for in neither's name.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from headway_edge.orders.offer_book import LAST
from headway_edge.orders.pack_trial import GIVEN_BACK, OFFERED
from headway_simulators.chaos.books import NOT_ERASED, NOT_TAKEN, NOT_WIPED, Books, Place
from headway_simulators.chaos.people import process_of
from headway_simulators.chaos.sim_device import SimDevice
from headway_simulators.chaos.sim_keys import address
from headway_simulators.chaos.sim_server import SimServer

_Erased = dict[bytes, tuple[str, Place]]  # whose, by its bytes

_HEAD_BYTES = 16  # of a record, in which are its boot and seq


def check_orders(books: Books, devices: Sequence[SimDevice], server: SimServer) -> None:
    """Note in `books` what did not come of erasures and offers, after the calm at the end."""
    waiting = server.witness.not_wiped()
    made = Counter(payload for of in books.devices.values() for payload in of.produced.values())
    everybodys: _Erased = {}
    for device in devices:
        if server.erasures.key.device(address(device.name)) in waiting:
            books.violated(NOT_WIPED, device.name, "its erasure is not confirmed")
        of, disk = device.books, device.disk
        if of.to_be_wiped:
            books.violated(NOT_WIPED, device.name, "its person was erased, and it goes on with all it had")
        erased = {of.produced[place]: (device.name, place) for place in of.erased if made[of.produced[place]] == 1}
        if erased:
            _look_for(books, erased, "its store", [disk.content(path) for path in disk.names()])
        everybodys.update(erased)
        _look_at_pack(books, device, server)
    files = [path.read_bytes() for path in (server.path, Path(f"{server.path}-wal")) if path.exists()]
    _look_for(books, everybodys, "the server's files", files)


def _look_for(books: Books, erased: _Erased, where: str, contents: Sequence[bytes]) -> None:
    heads = defaultdict(list)
    for payload in erased:
        heads[payload[:_HEAD_BYTES]].append(payload)
    beginnings = {payload[:2] for payload in erased}  # one: a list of so many items, and the version
    for content in contents:
        for beginning in sorted(beginnings):
            at = content.find(beginning)
            while at >= 0:
                for payload in heads.get(content[at : at + _HEAD_BYTES], ()):
                    if content.startswith(payload, at):
                        name, place = erased[payload]
                        books.violated(NOT_ERASED, name, f"boot {place[0]} seq {place[1]} in {where}")
                at = content.find(beginning, at + 1)


def _look_at_pack(books: Books, device: SimDevice, server: SimServer) -> None:
    agent = device.agent
    if agent is None:
        return
    running = agent.process.id
    if running not in {process_of(device.person.pack).id, *device.books.offered}:
        books.violated(NOT_TAKEN, device.name, f"{agent.process.name} {agent.process.version} was never offered")
    offered = server.witness.offered(address(device.name))
    if offered is None or offered[0] == running or agent.outbox.load(GIVEN_BACK) is not None:
        return
    if agent.outbox.load(OFFERED) is not None and agent._under_way():
        return  # a trip that a power cut interrupted ends with the next sample, and nobody drives any more
    taken = int((agent.outbox.load(LAST) or b"0").split()[0])
    if taken <= offered[1]:  # else from a server that was restored since, and offers what it offered before
        books.violated(NOT_TAKEN, device.name, f"it runs offer {taken} and was offered {offered[1]}")
