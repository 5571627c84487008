"""One secured UDP socket and two peers with a name each: peers.py ADDRESS OTHER PORT NAME OTHERS_NAME. One line of JSON."""
import errno
import socket
import sys
import time

import speaker

first, second, port, name, others = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
s = socket.socket(socket.AF_INET6 if ":" in first else socket.AF_INET, socket.SOCK_DGRAM)


def asked(peer, text, patience=12):
    """Whether this peer answers, and nobody else does."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        s.sendto(text.encode(), (peer, port))
        s.settimeout(0.5)
        try:
            data, source = s.recvfrom(2000)
        except TimeoutError:
            continue
        return data == text.upper().encode() and source[:2] == (peer, port)
    return False


def code(error):
    return errno.errorcode.get(error, error)


out = {"set": code(speaker.secure(s, 1)),
       "named": [code(speaker.name(s, name, (first, port))), code(speaker.name(s, "host/mallory.example", (second, port)))],
       "right": asked(first, "to the first"), "wrong": asked(second, "to the second", 3),
       "first": speaker.query(s, (first, port)),
       "deleted": [code(speaker.unname(s, (second, port))), code(speaker.unname(s, (second, port)))],
       "renamed": code(speaker.name(s, others, (second, port)))}
out |= {"second answers": asked(second, "to the second again"), "first answers": asked(first, "to the first again"),
        "second": speaker.query(s, (second, port)), "first again": speaker.query(s, (first, port)),
        "first deleted": code(speaker.unname(s, (first, port))), "without a name": asked(first, "to whoever is there")}
speaker.tell(**out)
