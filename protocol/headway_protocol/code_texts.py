"""What the reason codes of a rejection mean, in words. Apart from the codes, because a microcontroller needs no words.

>>> explain(CONFLICT)[0]
'conflict'
>>> explain(999)[0]
'code-999'
"""

from headway_protocol.codes import (
    CONFLICT,
    IMPLAUSIBLE,
    MALFORMED,
    NEWER_VERSION,
    TOO_LARGE,
    UNDELIVERABLE,
    WRONG_TOPIC,
)

_TABLE = {
    MALFORMED: (
        "malformed",
        "the bytes are not a canonical CBOR record of this protocol",
        "keep the dead letter and compare the device's firmware with protocol/headway.cddl",
    ),
    TOO_LARGE: (
        "too-large",
        "the message is larger than the protocol allows",
        "split or fold the record on the device",
    ),
    CONFLICT: (
        "conflict",
        "another content is already stored under this (device, boot, seq)",
        "check for two units with the same identity, for example a copied SD card",
    ),
    IMPLAUSIBLE: (
        "implausible",
        "a field is outside its possible range, or fields contradict each other",
        "look at the record in quarantine: a sensor or the clock of the device is wrong",
    ),
    WRONG_TOPIC: ("wrong-topic", "the topic is not one of this protocol", "use headway/v1/<group>/<device>/up"),
    NEWER_VERSION: (
        "newer-version",
        "the record's version or kind is newer than this server",
        "nothing: the bytes are kept and read again after the server's upgrade",
    ),
    UNDELIVERABLE: (
        "undeliverable",
        "the record was sent again and again while later ones were committed: something between drops it",
        "compare the broker's size limit and access rules with the record; the device keeps it and tries again",
    ),
}


def explain(code: int) -> tuple:
    """Return (name, cause, next step) of a reason code; an unknown code gets a name of its own."""
    return _TABLE.get(code) or (
        "code-%d" % code,
        "a reason this version does not know",
        "read the release notes of the server",
    )


def known() -> list:
    """Every code in use, ascending; for documentation and for the test that each one is reachable."""
    return sorted(_TABLE)
