"""The six topics of a device, and the identity that a topic carries.

`headway/v1/<group>/<device>/{up,state,ack,pack,bench,cmd}`. Who speaks is what the topic says (and what the broker's
access list lets a credential write to), never a field of the payload.

>>> topic("depot-7", "bus-0142", UP)
'headway/v1/depot-7/bus-0142/up'
>>> parse("headway/v1/depot-7/bus-0142/up")
('depot-7', 'bus-0142', 'up')
>>> subscription(UP)
'headway/v1/+/+/up'
"""

from headway_protocol.codes import WRONG_TOPIC
from headway_protocol.errors import DecodeError, EncodeError

UP = "up"
STATE = "state"
ACK = "ack"
PACK = "pack"
BENCH = "bench"
CMD = "cmd"
CHANNELS = (UP, STATE, ACK, PACK, BENCH, CMD)

_ROOT = "headway/v1"
_ID_LENGTH_MAX = 32
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-"


def valid_id(name: str) -> bool:
    """Tell whether `name` may be a group or a device: [a-z0-9-]{1,32}, so no wildcard and no separator."""
    if not 1 <= len(name) <= _ID_LENGTH_MAX:
        return False
    for character in name:
        if character not in _ID_ALPHABET:
            return False
    return True


def topic(group: str, device: str, channel: str) -> str:
    """Return the topic of one device's channel. Raises EncodeError if an id or the channel is not allowed."""
    for name in (group, device):
        if not valid_id(name):
            raise EncodeError("%r is not an id: 1 to 32 of a-z, 0-9 and -" % (name,))
    if channel not in CHANNELS:
        raise EncodeError("%r is not a channel: %s" % (channel, ", ".join(CHANNELS)))
    return "%s/%s/%s/%s" % (_ROOT, group, device, channel)


def parse(name: str) -> tuple:
    """Return (group, device, channel) of a topic. Raises DecodeError (WRONG_TOPIC) for any other topic."""
    levels = name.split("/")
    if (
        len(levels) != 5
        or levels[0] + "/" + levels[1] != _ROOT
        or not valid_id(levels[2])
        or not valid_id(levels[3])
        or levels[4] not in CHANNELS
    ):
        raise DecodeError(WRONG_TOPIC, "topic %r" % (name[:200],))
    return levels[2], levels[3], levels[4]


def subscription(channel: str, group: str = "+") -> str:
    """Return the filter by which a server hears one channel of every device (of one group)."""
    return "%s/%s/+/%s" % (_ROOT, group, channel)
