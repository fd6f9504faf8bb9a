"""What wears out on this vehicle, as its pack defines it: counted trip by trip, begun anew when the person says so."""

from headway_edge.core.consumable import Outlook
from headway_edge.core.consumable_words import sentence
from headway_edge.core.process import Process
from headway_edge.own.consumables import definitions
from headway_protocol import cbor


class OwnConsumables:
    """The consumables of one process. Their ids are those of the services that replace them (`headway_protocol.service`)."""

    def __init__(self, process: Process) -> None:
        known = definitions(process)
        self._titles = [item.title for item in known]
        self._items = [item.new() for item in known]

    def add(self, totals: list[int], day: int) -> None:
        """Count one trip of a local day by what it adds to its person's totals."""
        for item in self._items:
            item.add_totals(day, totals)

    def replaced(self, number: int, day: int) -> bool:
        """The consumable of that id was replaced on `day`; return whether the process has one such."""
        found = [item for item in self._items if item.id == number]
        for item in found:
            item.replaced(day)
        return found != []

    def outlooks(self, day: int) -> list[tuple[int, str, Outlook]]:
        """Return (id, title, outlook) of each on `day`."""
        return [(item.id, title, item.outlook(day)) for item, title in zip(self._items, self._titles, strict=True)]

    def lines(self, day: int) -> list[str]:
        """Return what to tell the person of each on `day`."""
        return [sentence(title, outlook) for _, title, outlook in self.outlooks(day)]

    def state(self) -> bytes:
        """Everything as bytes, for the outbox's state."""
        return cbor.encode([[item.id, item.state()] for item in self._items])

    def restore(self, data: bytes | None) -> None:
        """Go on from `state`; what it does not tell of, or tells in another shape, begins anew."""
        items = [] if data is None else cbor.decode(data)
        known = {item[0]: item[1] for item in items} if isinstance(items, list) else {}
        for item in self._items:
            if item.id in known:
                item.restore(known[item.id])
