"""One field that may leave a device, as the registry has it (`headway_protocol.field_registry`, `mqtt_fields`).

>>> find((Field("7.*", "seq", INTEGER, DEVICE, "which one"),), "7.12").name
'seq'
>>> find((), "7") is None
True
"""

from headway_protocol.fields import UINT32_MAX

# Forms of a field.
INTEGER = "integer"  # low..high
BOOLEAN = "true or false"
TEXT = "text"  # one of `words`; a word that ends in * stands for all that begins so
OCTETS = "bytes"  # so many of them
ARRAY = "array"  # of so many items at most; they have entries of their own
PACKED = "counts"  # a run of counts, each of which the pack names
OF_PACK = "text of the pack"
OF_SETTINGS = "text of the settings"
SEEN = "seen"  # in no message: whoever carries the messages learns it

# Whom a field is about.
NOBODY = "no"
DEVICE = "the device"
PERSON = "the person"


class Field:
    """One field of one message.

    path: of positions in the message's arrays, "*" for any of a list; of MQTT's own, the name. form: as above. low, high: of an
    integer; high also how many bytes, or items at most, or characters. null: whether it may be null instead. words: see TEXT.
    about: NOBODY, DEVICE or PERSON. precision: of its value. purpose: what a server does with it.
    """

    def __init__(
        self,
        path: str,
        name: str,
        form: str,
        about: str,
        purpose: str,
        precision: str = "exact",
        unit: str = "",
        low: int = 0,
        high: int = 0,
        null: bool = False,
        words: tuple = (),
    ) -> None:
        self.path = path
        self.name = name
        self.form = form
        self.about = about
        self.purpose = purpose
        self.precision = precision
        self.unit = unit
        self.low = low
        self.high = high
        self.null = null
        self.words = words


def uint(path: str, name: str, about: str, purpose: str, high: int = UINT32_MAX, low: int = 0, **more: object) -> Field:
    """Return the entry of an integer, low..high."""
    return Field(path, name, INTEGER, about, purpose, low=low, high=high, **more)  # type: ignore[arg-type]


def find(fields: "tuple | list", path: str) -> "Field | None":
    """Return the entry of a place in a message, such as "7.2.0.1"; None where nothing may be."""
    places = path.split(".")
    for field in fields:
        its = field.path.split(".")
        if len(its) == len(places) and all(a in ("*", b) for a, b in zip(its, places)):
            return field
    return None
