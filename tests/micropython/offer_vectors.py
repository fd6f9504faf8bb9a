"""Hand offers to a microcontroller's gate, one after the other, and print what comes of each.

    offer_vectors.py FILE FOLDER

Runs unmodified on CPython and MicroPython. FILE: lines of commands.

    key HEX ADDRESS             begin anew with what is on flash
    offer HEX KNOWN_S SYNCED    an offer came
    cut HEX KNOWN_S SYNCED      likewise, and the power is cut while it is installed
    look FILE                   only open the offer in a file
    mac KEY DATA                print a MAC
"""

import gc
import hashlib
import sys

if hasattr(gc, "threshold"):
    gc.threshold(4096)

from headway_edge import installed_pack
from headway_edge.band.hmac_sha256 import mac
from headway_edge.band.signed_offer import SignedOffers
from headway_edge.flash.log_folder import LogFolder
from headway_edge.flash.two_copies import TwoCopies
from headway_protocol.errors import DecodeError


class PowerCutError(Exception):
    """There is no power any more."""


def cut(_pack, _vehicle_class, _folder):
    """Install as far as the power lasts."""
    raise PowerCutError


def heard(offers, words, folder):
    """Return what comes of an offer."""
    real = installed_pack.install
    try:
        pack = offers.opened(bytes.fromhex(words[1]), int(words[2]), words[3] == "1")
        if pack is None:
            return "passed over"
        if words[0] == "cut":
            installed_pack.install = cut
        offers.take(pack, "car", folder)
    except DecodeError as error:
        return "!%d %s" % (error.code, error)
    except PowerCutError:
        return "cut"
    finally:
        installed_pack.install = real
    with open(folder + "/pack_program.py", "rb") as program:
        return "installed " + hashlib.sha256(program.read()).digest().hex()


def main(path, folder):
    """Run the commands of a file."""
    offers = None
    with open(path) as lines:
        for line in lines:
            words = line.split()
            if words[0] == "mac":
                print(mac(bytes.fromhex(words[1]), (bytes.fromhex(words[2]),)).hex())
            elif words[0] == "key":
                offers = SignedOffers(TwoCopies(LogFolder(folder), "offer"), words[2], bytes.fromhex(words[1]))
            elif words[0] == "look":
                with open(words[1], "rb") as offer:
                    data = offer.read()
                print(len(offers.opened(data)))
            else:
                print(heard(offers, words, folder))


main(sys.argv[1], sys.argv[2])
