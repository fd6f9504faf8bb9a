"""What the reason codes of a rejection mean, in words. Apart from the codes, because a microcontroller needs no words.

>>> explain(CONFLICT)[0]
'conflict'
>>> explain(999)[0]
'code-999'
"""

from headway_protocol.codes import (
    CONFLICT,
    ERASED,
    IMPLAUSIBLE,
    MALFORMED,
    NEWER_VERSION,
    TOO_LARGE,
    UNDELIVERABLE,
    WRONG_TOPIC,
)
from headway_protocol.order_codes import EXPIRED, FORGED, NOT_FOR_YOU, NOT_NEWER

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
    FORGED: (
        "forged",
        "it is not signed by a key that this device holds",
        "compare `headway key show` at the server with pack_keys in the agent's settings",
    ),
    NOT_FOR_YOU: (
        "not-for-you",
        "it was signed for another device or for another purpose",
        "look who publishes on this device's topics",
    ),
    NOT_NEWER: (
        "not-newer",
        "a newer one was taken before: this one is a replay, or from a server restored from a backup",
        "offer it again: the server then signs a higher version",
    ),
    EXPIRED: (
        "expired",
        "it was to be taken earlier, and what is newer did not get here",
        "let the server reach the broker, which renews it; compare the clocks of server and device",
    ),
    ERASED: (
        "erased",
        "the data of this device were erased at the server, and the device has not said yet that it is wiped",
        "bring the device online and see that it holds the server's key (pack_keys): it is told to wipe its store",
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
