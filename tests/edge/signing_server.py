"""A server's keys, known to the tests, and offers that are signed with them."""

from headway_edge.mqtt.link import Message
from headway_edge.orders.server_keys import ServerKeys
from headway_protocol import pack_offer, signed, topics
from headway_server.signing import Signing, SigningKey

ADDRESS = "depot-7/bus-0142"
YEAR_S = 365 * 86_400


class SigningServer:
    """One server. number: which; another number has other keys. Its offers are numbered by themselves."""

    def __init__(self, number: int = 1, first_version: int = 1) -> None:
        self.key = SigningKey(bytes([number] * 32), bytes([100 + number] * 32))
        self.signing = Signing([self.key], ["bands"])
        self.version = first_version - 1

    @property
    def public(self) -> str:
        """Its public key, as settings have it."""
        return self.key.public.hex()

    def keys(self, address: str = ADDRESS) -> ServerKeys:
        """What a device holds that knows this server alone."""
        return ServerKeys(address, [self.public])

    def signed(
        self,
        body: bytes,
        version: int | None = None,
        not_after_s: int = signed.TIME_S_MAX,
        address: str = ADDRESS,
        purpose: int = signed.OFFER,
    ) -> bytes:
        """The envelope of a body; version: None is one more than the last."""
        self.version = self.version + 1 if version is None else version
        return signed.make(purpose, address, self.version, not_after_s, body, self.signing.signer(address))

    def offer(self, pack: bytes, texts: str, **said: int | str | None) -> Message:
        """The message of an offer, as a link hands it over."""
        return Message(topics.PACK, self.signed(pack_offer.encode(pack, texts), **said))  # type: ignore[arg-type]
