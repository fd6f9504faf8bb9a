"""Which version of MQTT a device speaks: what a broker answers decides, and silence alone never for good."""

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from headway_edge.mqtt import link_failure
from headway_edge.mqtt.broker import Protocol
from headway_edge.mqtt.link_failure import CLOSED, CLOSED_EARLY, SILENT, VERSION_REFUSED, Failure
from headway_edge.mqtt.protocol_choice import ANSWER_AGAIN_S, ANSWER_MAX_S, ProtocolChoice

OLD, NEW = MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5
REFUSED = Failure("", "", code=VERSION_REFUSED)
NO_NETWORK = link_failure.of_exception(OSError(101, "Network is unreachable"))


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Choosing:
    """A choice, and what connections in the version that it names come to."""

    def __init__(self, wanted: Protocol = "auto") -> None:
        self.clock = Clock()
        self.choice = ProtocolChoice(wanted, self.clock)

    def fails(self, failure: Failure) -> tuple[bool, MQTTProtocolVersion]:
        at_once = self.choice.ended(self.choice.version, None, failure)
        return at_once, self.choice.version

    def works(self, answer_s: float = 0.1) -> MQTTProtocolVersion:
        assert not self.choice.ended(self.choice.version, answer_s, CLOSED)
        return self.choice.version


@pytest.mark.parametrize("failure", [SILENT, CLOSED_EARLY, REFUSED])
def test_3_1_1_is_tried_at_once_and_what_worked_stays(failure: Failure) -> None:
    it = Choosing()
    assert (it.choice.version, it.choice.patience_s) == (NEW, ANSWER_MAX_S)
    assert it.fails(failure) == (True, OLD)
    assert it.choice.patience_s is None
    assert it.works() == OLD
    assert it.fails(NO_NETWORK) == (False, OLD)


def test_a_broker_that_answers_slowly_is_tried_in_5_at_the_next_connection_with_patience() -> None:
    it = Choosing()
    it.fails(SILENT)
    assert it.works(answer_s=2.5) == NEW
    assert it.choice.patience_s == ANSWER_AGAIN_S
    assert it.works(answer_s=2.5) == NEW
    assert it.choice.patience_s is None
    assert it.fails(SILENT) == (False, NEW), "it has answered in 5: this is no sign of age"


def test_an_old_broker_costs_that_patience_once_an_hour_at_most() -> None:
    it = Choosing()
    it.fails(SILENT)
    assert it.works(answer_s=2.5) == NEW
    assert it.fails(SILENT) == (True, OLD)
    assert it.works(answer_s=2.5) == OLD, "slow, and old all the same"
    it.clock.now_s += 3600
    assert it.works() == NEW
    assert it.fails(CLOSED_EARLY) == (True, OLD)
    assert it.works() == OLD


def test_a_line_that_was_slow_for_once_is_forgotten_after_an_hour() -> None:
    it = Choosing()
    it.fails(SILENT)
    assert it.works() == OLD
    it.clock.now_s += 3600
    assert it.works() == NEW
    assert it.fails(NO_NETWORK) == (False, NEW)
    assert it.works() == NEW


def test_a_broker_that_refused_5_is_not_asked_again_until_3_1_1_fails() -> None:
    it = Choosing()
    it.fails(REFUSED)
    it.clock.now_s += 10 * 3600
    assert it.works(answer_s=5) == OLD
    assert it.fails(CLOSED_EARLY) == (False, NEW)


@pytest.mark.parametrize(("wanted", "version"), [("5", NEW), ("3.1.1", OLD)])
def test_a_version_that_is_set_stays(wanted: Protocol, version: MQTTProtocolVersion) -> None:
    it = Choosing(wanted)
    assert it.choice.patience_s is None
    for failure in (SILENT, REFUSED, NO_NETWORK):
        assert it.fails(failure) == (False, version)
    assert it.works(answer_s=9) == version
