"""A program with many secured sockets, for shared.py: crowd.py serve|ask UID ADDRESS PORT FLAGS [NAME].

`serve` echoes until it is ended. `ask` reads one order a line and tells of each in one line of JSON: "open N" opens,
secures and connects N sockets more, "talk" speaks over all of them, "close" closes them; "rounds N" opens, connects and closes
N of them in turn. FLAGS -1: sockets that are not secured.
"""
import json
import os
import resource
import selectors
import socket
import sys
import time

import speaker


def serve(family, address, port, flags):
    s = socket.socket(family)
    if flags >= 0 and speaker.secure(s, flags) != 0:
        raise SystemExit("the listener cannot be secured")
    s.bind((address, port))
    s.listen(1024)
    s.setblocking(False)
    speaker.tell(bound=True)
    ready = selectors.DefaultSelector()
    ready.register(s, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is s:
                c, _ = s.accept()
                ready.register(c, selectors.EVENT_READ)
                continue
            try:
                data = key.fileobj.recv(2000)
            except OSError:
                data = b""
            if data:
                key.fileobj.sendall(data.upper())
            else:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def rounds(family, address, port, flags, count):
    """Seconds that the calls took that secure, and those that connect."""
    securing = connecting = 0.0
    for _ in range(count):
        s = socket.socket(family)
        begin = time.perf_counter()
        if flags >= 0 and speaker.secure(s, flags) != 0:
            raise OSError("a socket cannot be secured")
        secured = time.perf_counter()
        s.connect((address, port))
        securing, connecting = securing + secured - begin, connecting + time.perf_counter() - secured
        s.close()
    return {"securing": securing, "connecting": connecting}


def ask(family, address, port, flags, name):
    sockets = []
    for line in sys.stdin:
        verb, *words = line.split()
        begin = time.monotonic()
        good, more = 0, {}
        try:
            if verb == "open":
                for _ in range(int(words[0])):
                    s = socket.socket(family)
                    s.settimeout(6)
                    refused = speaker.secure(s, flags) or (speaker.name(s, name) if name else 0)
                    if refused:
                        raise OSError(refused, os.strerror(refused))
                    s.connect((address, port))
                    sockets.append(s)
                    good += 1
            elif verb == "rounds":
                good = int(words[0])
                more = rounds(family, address, port, flags, good)
            elif verb == "talk":
                for number, s in enumerate(sockets):
                    s.sendall(b"text of socket %d" % number)
                    good += s.recv(2000) == b"TEXT OF SOCKET %d" % number
            elif verb == "close":
                good = len(sockets)
                for s in sockets:
                    s.close()
                sockets.clear()
            speaker.tell(good=good, seconds=time.monotonic() - begin, **more)
        except OSError as problem:
            speaker.tell(good=good, error=str(problem), seconds=time.monotonic() - begin)


def main():
    verb, uid, address, port, flags = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    os.setgid(65534)
    os.setuid(uid)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if verb == "serve":
        serve(family, address, port, flags)
    ask(family, address, port, flags, sys.argv[6] if len(sys.argv) > 6 else None)


main()
