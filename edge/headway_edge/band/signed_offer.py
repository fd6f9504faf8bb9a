"""A pack that the server signed for this microcontroller: checked here, then installed (`headway_edge.installed_pack`).

    offers = SignedOffers(TwoCopies(LogFolder("/lib"), "offer"), "bands/band-3", key)
    pack = offers.opened(data, known_s, synced)     # None: the very same offer was taken before
    if pack is not None:
        del data                                    # 10 KB that checking a pack has use for
        offers.take(pack, "other", "/lib")
        reset()

The key is the device's own (`headway key show --band`), so a broken device gives away itself and no other. The version is on
flash before the pack is: a power cut amid an installation leaves the old program, and the same offer is taken again when it comes
again, TRIES_MAX times in all. Nothing goes back to an older pack by itself, as the agent on Linux does: a pack that is whole
and passes the device's check is what runs.
"""

import hashlib

from headway_edge.band.hmac_sha256 import mac, same
from headway_edge.orders.freshness import Freshness
from headway_protocol import cbor, const, pack_offer, signed
from headway_protocol.errors import DecodeError
from headway_protocol.order_codes import FORGED

TRIES_MAX = 3  # an offer whose installation ended the device so often is left alone
MESSAGE_BYTES_MAX = 9216  # the largest compiled pack in its envelope
_DONE = const(255)


class SignedOffers:
    """Which versions were taken, and how far the last one came.

    copies: where that is kept, as `headway_edge.flash.two_copies.TwoCopies`. address: the device's own, "group/device". key: 32
    bytes. Every method raises OSError when the medium refuses.
    """

    def __init__(self, copies: object, address: str, key: bytes) -> None:
        self._copies = copies
        self._address = address
        self._key = key
        self._key_id = hashlib.sha256(key).digest()[: signed.KEY_ID_BYTES]
        self._versions = None  # type: bytes | None
        self._digest = b""
        self._tries = 0
        self._opened = None  # type: tuple | None  # digest, versions once it is taken
        self._load()

    def opened(self, data: bytes, known_s: int = 0, synced: bool = False) -> "bytes | None":
        """Return the compiled pack of an offer that is to be taken; None for one that was taken before, or tried too often.

        known_s, synced: as `freshness.Freshness.check`. Raises DecodeError for what is not to be taken.
        """
        if len(data) <= MESSAGE_BYTES_MAX and not signed.is_signed(data):
            raise DecodeError(FORGED, "not signed")
        algorithm, key_id, said, signature = signed.parts(data, MESSAGE_BYTES_MAX)
        genuine = algorithm == signed.HMAC_SHA256 and key_id == self._key_id
        if not genuine or not same(signature, mac(self._key, (signed.DOMAIN, said))):
            raise DecodeError(FORGED, "not signed with this device's key")
        digest = hashlib.sha256(said).digest()
        version, not_after_s, body = signed.said_in(said, signed.OFFER, self._address)
        again = digest == self._digest
        if again and self._tries >= TRIES_MAX:
            return None
        freshness = Freshness(self._versions, [self._key_id])
        if not again:
            freshness.check(version, not_after_s, known_s, synced)
        pack = pack_offer.decode(body)[0]  # type: bytes
        self._opened = digest, freshness.taken(self._key_id, version)
        return pack

    def take(self, pack: bytes, vehicle_class: str, folder: str) -> None:
        """Install the pack that was opened last, as `installed_pack.install`, whose errors it raises.

        Before it begins, the version is on flash: from then on nothing older is taken.
        """
        from headway_edge.installed_pack import install  # noqa: PLC0415 - when it is needed, not before

        if self._opened is None:
            raise ValueError("no offer was opened")
        digest, self._versions = self._opened
        self._opened = None
        self._tries = self._tries + 1 if digest == self._digest else 1
        self._digest = digest
        self._save()
        install(pack, vehicle_class, folder)
        self._tries = _DONE
        self._save()

    def _load(self) -> None:
        try:
            data = self._copies.load()  # type: ignore[attr-defined]
        except OSError:
            self._copies.pass_over()  # type: ignore[attr-defined]
            return
        try:
            items = cbor.decode(data or b"")
        except DecodeError:
            return
        if isinstance(items, list) and len(items) == 3 and isinstance(items[2], int):
            self._versions, self._digest, self._tries = items

    def _save(self) -> None:
        self._copies.save(  # type: ignore[attr-defined]
            cbor.encode([self._versions, self._digest, self._tries])
        )
