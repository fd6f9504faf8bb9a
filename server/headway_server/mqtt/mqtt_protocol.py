"""MQTT versions: which to try, and what a broker means by its reasons.

MQTT 5 tells why something was refused, and bounds what is under way and how large a message may be. A broker that does not
know it refuses the connection, closes it, or says nothing at all; then 3.1.1 is tried, and what worked is tried first again.
But silence may also be distance: so from time to time, when a connection has ended, 5 is tried again with more patience.

>>> choice = ProtocolChoice("auto")
>>> choice.version == mqtt.MQTTv5
True
>>> choice.failed(), choice.version == mqtt.MQTTv311
(True, True)
"""

import time
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

_VERSIONS = {"5": mqtt.MQTTv5, "3.1.1": mqtt.MQTTv311}
_FIRST_ANSWER_S = 3.0  # of a broker that may not know the version
_ANSWER_S = 10.0
_SLOW_S = _FIRST_ANSWER_S / 2  # a connection in 3.1.1 that took longer: the broker is far away, and perhaps not old
_AGAIN_S = 3600.0  # from when 5 was tried in vain
UNSUPPORTED = 0x84

# What an operator can do about a reason, by its code (MQTT 5, section 2.4); codes of 3.1.1 are told as these.
_NEXT_STEPS = {
    0x84: "set broker_protocol to a version that the broker knows",
    0x85: "set another broker_client_id",
    0x86: "check broker_username and broker_password",
    0x87: "let this user read the up and state topics and write ack, bench, pack and cmd, in the broker's access rules",
    0x88: "look at the broker's log",
    0x89: "look at the broker's load",
    0x8A: "look at the broker's access rules",
    0x8B: "the broker is being shut down; the server connects again",
    0x8D: "the network or the server was too slow; the server connects again",
    0x8E: "another server uses this broker_client_id: give each its own",
    0x93: "report it: the server had more under way than it said",
    0x95: "raise the broker's limit for packets",
    0x97: "raise the broker's quota",
    0x98: "look at the broker's log",
    0x9F: "raise the broker's limit for connections",
}


class ProtocolChoice:
    """Which version to connect with. wanted: "auto", "5" or "3.1.1". clock: monotonic seconds."""

    def __init__(self, wanted: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._auto = wanted == "auto"
        self._clock = clock
        self.version = _VERSIONS["5" if self._auto else wanted]
        self._works = False
        self._is_slow = self._is_again = False
        self._again_s = 0.0  # when 5 may be tried again

    @property
    def answer_s(self) -> float:
        """How long to wait for the broker's first answer."""
        return _FIRST_ANSWER_S if self._auto and not self._works and not self._is_again else _ANSWER_S

    def worked(self, answer_s: float = 0.0) -> None:
        """The broker let us in, after so long."""
        self._works, self._is_slow, self._is_again = True, answer_s > _SLOW_S, False

    def ended(self) -> None:
        """A connection that worked has ended: the next may be one in 5 again."""
        if self._auto and self.version == mqtt.MQTTv311 and (self._is_slow or self._clock() >= self._again_s):
            self.version, self._works, self._is_again = mqtt.MQTTv5, False, True

    def failed(self) -> bool:
        """The broker took the connection, and did not answer, or not as one that knows the version.

        Return whether another version is worth a try at once.
        """
        if not self._auto or self._works:
            # A broker that worked is overloaded or gone; but it may also have become another one.
            self._works = False
            return False
        first = self.version == mqtt.MQTTv5
        if first:
            self._again_s = self._clock() + _AGAIN_S
        self._is_again = False
        self.version = mqtt.MQTTv311 if first else mqtt.MQTTv5
        return first


def connect_properties(in_flight_max: int, bytes_max: int) -> Properties:
    """Return what an MQTT 5 connection asks of the broker.

    It keeps the session, and with it what comes in while the server is away, until the server comes back; it has at most
    in_flight_max messages under way to us, and sends none of more than bytes_max.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 0xFFFFFFFF
    properties.ReceiveMaximum = in_flight_max
    properties.MaximumPacketSize = bytes_max
    return properties


def told(reason: ReasonCode) -> str:
    """Return a broker's reason in words, with the next step where there is one."""
    next_step = _NEXT_STEPS.get(reason.value)
    return str(reason) if next_step is None else f"{reason}: {next_step}"
