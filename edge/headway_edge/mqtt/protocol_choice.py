"""Which version of MQTT to speak: 5, which names causes, and 3.1.1 for brokers that know no other.

A broker of 3.1.1 refuses the longer CONNECT of 5, closes, or takes it for half of one and says nothing. What refuses is old.
What says nothing may as well be far away, or have been for once: then 3.1.1 is a guess, and 5 is tried again later, with more
patience.

>>> choice = ProtocolChoice("auto", lambda: 0.0)
>>> int(choice.version), choice.patience_s
(5, 2.0)
>>> choice.ended(choice.version, None, link_failure.SILENT), int(choice.version)
(True, 4)
>>> choice.ended(choice.version, 1.5, link_failure.CLOSED), int(choice.version), choice.patience_s  # slow, so it may be far
(False, 5, 15.0)
"""

from collections.abc import Callable

from paho.mqtt.enums import MQTTProtocolVersion

from headway_edge.mqtt import link_failure
from headway_edge.mqtt.broker import Protocol
from headway_edge.mqtt.link_failure import Failure

ANSWER_MAX_S = 2.0  # for the answer to a CONNECT of MQTT 5, as long as the broker may be too old for it
ANSWER_AGAIN_S = 15.0  # the same, of a broker that is spoken to in 3.1.1 by guess
_SLOW_S = ANSWER_MAX_S / 2  # an answer in 3.1.1 that took longer: the broker is far away, and perhaps not old
_AGAIN_S = 3600.0  # from when 5 was tried in vain

_OLD, _NEW = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5


class ProtocolChoice:
    """What is known of one broker. wanted: "auto", or the one version to speak. clock: monotonic seconds.

    `version` is the one of the next attempt, and `patience_s` how long that may wait for the answer to its CONNECT, None for as
    long as for anything: both hold until `ended` is told.
    """

    def __init__(self, wanted: Protocol, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._is_auto = wanted == "auto"
        self._known = _OLD if wanted == "3.1.1" else _NEW
        self._works = not self._is_auto  # in the version that is known
        self._is_guess = self._is_slow = self._was_patient = False
        self._tried_s = 0.0  # when 5 was tried in vain
        self.version, self.patience_s = self._next()

    def ended(self, version: MQTTProtocolVersion, answer_s: float | None, failure: Failure) -> bool:
        """A connection in `version` has ended, or was not made; return whether to try at once, in another version.

        answer_s: how long the broker took to let us in; None where it did not.
        """
        if not self._is_auto:
            return False
        at_once = False
        is_refused = failure.code == link_failure.VERSION_REFUSED
        is_unanswered = failure in link_failure.UNANSWERED
        if answer_s is not None:
            self._is_slow = self._is_slow or (version == _OLD and answer_s > _SLOW_S and not self._was_patient)
            self._is_guess = self._is_guess and version == _OLD
            self._known, self._works = version, True
        elif version == _OLD:
            if is_refused or not self._works or is_unanswered:
                self._known, self._works = _NEW, False
        elif is_refused or (is_unanswered and not (self._works and self._known == _NEW)):
            # Of a broker that has answered in 5, silence is no sign of age.
            self._was_patient = self.patience_s == ANSWER_AGAIN_S
            self._is_guess, self._is_slow, self._tried_s = not is_refused, False, self._clock()
            self._works = self._works and self._known == _OLD
            self._known, at_once = _OLD, True
        self.version, self.patience_s = (self._known, None) if at_once else self._next()
        return at_once

    def _next(self) -> tuple[MQTTProtocolVersion, float | None]:
        if self._known == _NEW:
            return _NEW, None if self._works else ANSWER_MAX_S
        is_time = self._is_slow or self._clock() - self._tried_s >= _AGAIN_S
        if self._works and self._is_guess and is_time:
            return _NEW, ANSWER_AGAIN_S
        return _OLD, None
