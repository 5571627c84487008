"""A program that secures its socket, for the tests: talk.py serve|ask tcp|udp ADDRESS PORT SETTINGS [TEXT PATIENCE NAME].

SETTINGS: plain, 0, encrypt or insecure. Prints one line of JSON for each step.
"""
import ctypes
import json
import os
import socket
import struct
import sys
import time

library = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"], use_errno=True)


class Security(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("main_mode", ctypes.c_uint8 * 16), ("quick_mode", ctypes.c_uint8 * 16)]


class State(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("error", ctypes.c_uint32), ("main_mode_sa", ctypes.c_uint64), ("quick_mode_sa", ctypes.c_uint64)]


for function in ("principal", "user"):
    getattr(library, f"sallyport_identity_{function}").restype = ctypes.c_char_p
    getattr(library, f"sallyport_identity_{function}").argtypes = [ctypes.c_void_p]
FLAGS = {"0": 0, "encrypt": 1, "insecure": 2}


def say(**words):
    print(json.dumps(words), flush=True)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def address(family, host, port):
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H", port) + socket.inet_pton(family, host) + bytes(8)
    return struct.pack("=H", family) + struct.pack("!HI", port, 0) + socket.inet_pton(family, host) + bytes(4)


def secure(s, settings):
    if settings == "plain":
        return
    check(library.sallyport_set_security(s.fileno(), ctypes.byref(Security(FLAGS[settings]))))


def query(s, peer=None):
    state, who = State(), ctypes.c_void_p()
    name = address(s.family, *peer[:2]) if peer else None
    check(library.sallyport_query_security(s.fileno(), name, len(name or b""), ctypes.byref(state), ctypes.byref(who)))
    return {"flags": state.flags, "sas": bool(state.main_mode_sa and state.quick_mode_sa),
            "principal": library.sallyport_identity_principal(who).decode(), "user": library.sallyport_identity_user(who).decode()}


def main():
    verb, protocol, host, port, settings = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(int(os.environ.get("TALK_AS", "65534")))
    s = socket.socket(family, kind)
    secure(s, settings)
    if verb == "serve":
        s.bind((host, port))
        if kind == socket.SOCK_STREAM:
            s.listen(16)
        say(bound=True)
        while True:
            if kind == socket.SOCK_STREAM:
                c, _ = s.accept()
                data = c.recv(2000)
                say(**query(c))
                c.sendall(data.upper())
                c.recv(1)
                c.close()
            else:
                data, peer = s.recvfrom(2000)
                say(**query(s, peer))
                s.sendto(data.upper(), peer)
    text, patience = sys.argv[6].encode(), float(sys.argv[7])
    name = sys.argv[8] if len(sys.argv) > 8 else None
    if name:
        peer = address(family, host, port) if kind == socket.SOCK_DGRAM else None
        check(library.sallyport_set_peer_name(s.fileno(), peer, len(peer or b""), name.encode()))
    s.settimeout(patience)
    begin = time.monotonic()
    try:
        s.connect((host, port))
        end = time.monotonic() + patience
        while True:
            s.send(text)
            s.settimeout(1 if protocol == "udp" else patience)
            try:
                reply = s.recv(2000)
                break
            except TimeoutError:
                if protocol == "tcp" or time.monotonic() > end:
                    raise
        say(answered=reply == text.upper(), seconds=round(time.monotonic() - begin, 3), **query(s))
    except OSError as problem:
        say(answered=False, error=str(problem), seconds=round(time.monotonic() - begin, 3))
    s.close()


main()
