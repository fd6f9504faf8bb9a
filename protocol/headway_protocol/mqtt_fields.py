"""What MQTT itself tells, beside the messages: the registry of `headway_protocol.field_registry`, for the packets of a device.

There are no user properties, and nothing that the connection does not need. A path is a name: packets have no positions.

>>> sorted(MQTT)
['connect', 'disconnect', 'pingreq', 'puback', 'publish', 'subscribe']
"""

from headway_protocol import record, state, topics
from headway_protocol.field_entry import (
    ARRAY,
    BOOLEAN,
    DEVICE,
    NOBODY,
    OF_SETTINGS,
    PERSON,
    SEEN,
    TEXT,
    Field,
    uint,
)

_ID = "which device it is; as personal as the list of who drives what"
_CHANNELS_SENT = (topics.UP, topics.STATE)
_CHANNELS_HEARD = (topics.ACK, topics.BENCH, topics.PACK, topics.CMD)

MQTT = {
    "connect": (
        Field("protocol", "protocol", TEXT, NOBODY, "which protocol", words=("MQTT",)),
        uint("version", "version", NOBODY, "4 is MQTT 3.1.1, 5 is MQTT 5", 5, 4),
        Field("clean", "clean", BOOLEAN, NOBODY, "that the broker keeps nothing of an earlier connection"),
        uint("keepalive_s", "keepalive_s", DEVICE, "when the broker gives the device up", 65535, 1, unit="s"),
        Field("client_id", "client_id", OF_SETTINGS, DEVICE, _ID, high=65, words=("group:device",)),
        Field(
            "username",
            "username",
            OF_SETTINGS,
            DEVICE,
            "the broker's access rules",
            null=True,
            words=("broker_username",),
        ),
        Field(
            "password",
            "password",
            OF_SETTINGS,
            DEVICE,
            "the same; secret only behind TLS",
            null=True,
            words=("broker_password",),
        ),
        Field("will_topic", "will_topic", OF_SETTINGS, DEVICE, _ID, words=(topics.STATE,)),
        Field("will", "will", ARRAY, DEVICE, "published when the device vanishes: a state", high=state.STATE_BYTES_MAX),
        uint("will_qos", "will_qos", NOBODY, "how it is delivered", 1, 1),
        Field("will_retain", "will_retain", BOOLEAN, NOBODY, "that the broker keeps it"),
        uint("session_expiry_s", "session_expiry_s", NOBODY, "the same as clean", 0, null=True),
        uint("receive_maximum", "receive_maximum", NOBODY, "how much the device takes at once", 65535, 1, null=True),
        uint("maximum_packet_size", "maximum_packet_size", NOBODY, "and how large", null=True),
    ),
    "subscribe": (
        uint("packet_id", "packet_id", NOBODY, "which of the device's packets it is", 65535, 1),
        Field("topics", "topics", OF_SETTINGS, DEVICE, _ID, words=_CHANNELS_HEARD),
        uint("qos", "qos", NOBODY, "how it is delivered", 1, 1),
    ),
    "publish": (
        Field("topic", "topic", OF_SETTINGS, DEVICE, _ID, words=_CHANNELS_SENT),
        uint("packet_id", "packet_id", NOBODY, "which of the device's packets it is", 65535, 1),
        uint("qos", "qos", NOBODY, "how it is delivered", 1, 1),
        Field("duplicate", "duplicate", BOOLEAN, NOBODY, "whether it is sent again"),
        Field("retain", "retain", BOOLEAN, NOBODY, "whether the broker keeps it: of a state"),
        Field("payload", "payload", ARRAY, PERSON, "a record, or a state", high=record.RECORD_BYTES_MAX),
    ),
    "puback": (uint("packet_id", "packet_id", NOBODY, "which packet of the broker's was taken", 65535, 1),),
    "pingreq": (Field("ping", "ping", SEEN, PERSON, "that the device is still there"),),
    "disconnect": (uint("reason", "reason", NOBODY, "that it ends in order", 0, null=True),),
}

# What is in no message.
CARRIED = (
    Field(
        "address",
        "address",
        SEEN,
        PERSON,
        "the broker and the network see where the connection comes from",
        "an IP address: often a place, roughly",
    ),
    Field(
        "moments",
        "moments",
        SEEN,
        PERSON,
        "and when, how often and how much is sent: a trip's end shows within seconds",
        "1 s",
    ),
    Field("host", "host", SEEN, NOBODY, "the network sees the broker's name (DNS, and TLS in the clear)"),
    Field(
        "certificate",
        "certificate",
        SEEN,
        DEVICE,
        "where the settings name one, the broker sees the device's certificate",
    ),
)
