"""Whether what a server signed is newer than all before, and not too late, judged without trust in a clock. MicroPython too.

The highest version taken is kept for each key. What counts is the highest of the keys that are held now: so the versions of a
key that was stolen, and that signed the highest there is to shut out all others, are forgotten with the key (TUF specification,
section 5.3.11, fast-forward attack).

>>> one = Freshness(None, [b"key-id-8"])
>>> one.check(7, 1790000000, 0, False)
>>> again = Freshness(one.taken(b"key-id-8", 7), [b"key-id-8"])
>>> again.check(7, 1790000000, 0, False)
Traceback (most recent call last):
...
headway_protocol.errors.DecodeError: version 7 is not above 7, which was taken before
"""

from headway_protocol import cbor
from headway_protocol.codes import IMPLAUSIBLE
from headway_protocol.errors import DecodeError
from headway_protocol.order_codes import EXPIRED, NOT_NEWER
from headway_protocol.signed import KEY_ID_BYTES, VERSION_MAX

AHEAD_S = (
    366 * 86400
)  # versions follow Unix seconds; further ahead of a synced clock they are somebody's trick, or mistake
KEYS_MAX = 8  # held at a time


class Freshness:
    """What was taken of one purpose. stored: what `taken` returned last, None: nothing yet. key_ids: of the keys held now."""

    def __init__(self, stored: "bytes | None", key_ids: list) -> None:
        self._versions = {}  # type: dict  # key id -> highest version
        for key_id, version in _read(stored):
            if key_id in key_ids:
                self._versions[key_id] = version

    @property
    def version(self) -> int:
        """The highest version taken that counts; 0 if none was."""
        highest = 0
        for version in self._versions.values():
            highest = max(highest, version)
        return highest

    def check(self, version: int, not_after_s: int, known_s: int, synced: bool) -> None:
        """Raise DecodeError for what is not to be taken: NOT_NEWER, IMPLAUSIBLE or EXPIRED.

        known_s: a Unix time that has surely passed, 0: none is known. Of a clock that a time source keeps (synced), else the
        latest that such a clock ever said here. A clock that nobody keeps may be ahead, and would refuse all there is; so a
        device without time takes what has expired, once, and nothing older after it.
        """
        if version <= self.version:
            raise DecodeError(NOT_NEWER, "version %d is not above %d, which was taken before" % (version, self.version))
        if synced and version > known_s + AHEAD_S:
            raise DecodeError(IMPLAUSIBLE, "version %d is more than a year ahead of this device's time" % version)
        if not_after_s < known_s:
            raise DecodeError(EXPIRED, "it was to be taken %d s earlier" % (known_s - not_after_s))

    def taken(self, key_id: bytes, version: int) -> bytes:
        """Note that this version was taken; return what is to be stored in the same transaction."""
        self._versions[key_id] = max(version, self._versions.get(key_id, 0))
        return cbor.encode([[key, self._versions[key]] for key in sorted(self._versions)])


def _read(stored: "bytes | None") -> list:
    # What cannot be read is as if it never was: a device that takes nothing any more would be worse.
    if stored is None:
        return []
    found = []
    try:
        items = cbor.decode(stored)
    except DecodeError:
        return []
    for item in items if isinstance(items, list) else []:
        if isinstance(item, list) and len(item) == 2 and isinstance(item[0], bytes) and isinstance(item[1], int):
            if len(item[0]) == KEY_ID_BYTES and 0 < item[1] <= VERSION_MAX:
                found.append(item)
    return found
