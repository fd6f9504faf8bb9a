"""What a link says where no broker is: the event of one attempt for each "HOST PORT" given.

    no_broker.py HOST PORT...

Runs on CPython and MicroPython.
"""

import sys
import time

from headway_edge.band.band_link import BandLink
from headway_edge.band.tcp_stream import TcpStream

for number in range(1, len(sys.argv), 2):
    link = BandLink(
        lambda at=number: TcpStream(sys.argv[at], int(sys.argv[at + 1])), "a", "b", 1, lambda low, high: high, list
    )
    event, now_ms = None, 0
    while event is None:
        now_ms += 500
        event = link.poll(now_ms)
        time.sleep(0.005)
    sys.stdout.write(" ".join([str(word) for word in event]) + "\n")
