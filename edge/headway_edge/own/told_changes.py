"""What incidents tell of a person's own process: a series that changed, a warning code that came too often."""

from headway_edge.core.control_chart import Change
from headway_edge.own.own_incidents import Incident, OwnIncidents
from headway_edge.own.own_process import OwnProcess
from headway_edge.own.own_warnings import Advice
from headway_protocol import incident


class ToldChanges:
    """Opens and closes them. incidents: of the device, whatever pack runs."""

    def __init__(self, incidents: OwnIncidents) -> None:
        self._incidents = incidents

    def catch_up(self, own: OwnProcess) -> None:
        """At a start, and when another pack takes over: tell what should have been told, and close what nobody watches."""
        self._incidents.close_all(incident.CHANGE, 0, but_of=own.process.id)
        # A trip is on disk before the incident that it opens or closes: a power cut may have come between the two.
        for item in own.series.series:
            number, change = item.characteristic.id, item.change()
            if self._incidents.is_open(_key(own, number)) is not (change is not None):
                self.tell(own, number, change, 0)

    def tell(self, own: OwnProcess, characteristic: int, change: Change | None, ago_ms: int) -> None:
        """Tell of a characteristic's change that is open; None: the one that was is over."""
        key = _key(own, characteristic)
        values = [characteristic] + ([] if change is None else change.as_integers())
        told = Incident(incident.CHANGE, incident.NOTICE, own.process.id, values)
        if change is None:
            self._incidents.close(key, told, ago_ms)
        else:
            self._incidents.open(key, told, ago_ms)

    def advise(self, own: OwnProcess, advice: Advice) -> None:
        """Tell at once of a rule that came true, for the code may come on the vehicle's last trip."""
        values = [advice.code, advice.times, advice.days]
        told = Incident(incident.WARNING_CODE, incident.WARNING, own.process.id, values)
        state = {own.key("warnings"): own.warnings.state()}
        self._incidents.open(f"{own.process.id.hex()}/warning/{advice.code}", told, 0, state)

    def repaired(self, ago_ms: int) -> None:
        """Close what warning codes opened, also those of packs before this one."""
        self._incidents.close_all(incident.WARNING_CODE, ago_ms)


def _key(own: OwnProcess, characteristic: int) -> str:
    return f"{own.process.id.hex()}/{characteristic}"
