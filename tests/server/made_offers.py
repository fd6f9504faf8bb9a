"""A server's keys, its offers, and a server without a broker, of a store of the tests."""

from headway_server.publishing.offers import Offers
from headway_server.running import Running
from headway_server.signing import Signing, SigningKey

SIGNING = Signing([SigningKey(bytes(range(32)), bytes(32))])


def offers_of(store, signing=SIGNING, days=90.0):
    """The offers of a server of that store, by its clock."""
    return Offers(store.database, store.processes, signing, lambda: store.now_ms, days)


def running_of(store, settings, now_ms):
    """A server without a broker."""
    return Running(settings, store.database, store.ingest, None, now_ms, SIGNING, offers_of(store))
