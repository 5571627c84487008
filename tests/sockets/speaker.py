"""A program that makes every call of secure_socket.h wrongly: run in a namespace by errors.py, tells rows of JSON.

Usage: speaker.py VERB {settings as JSON}. Nothing but libsallyport's C interface is used.
"""
import ctypes
import errno
import json
import os
import socket
import struct
import sys


class Settings(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("main_mode_policy", ctypes.c_uint8 * 16), ("quick_mode_policy", ctypes.c_uint8 * 16)]


class State(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("negotiation_error", ctypes.c_uint32), ("main_mode_sa", ctypes.c_uint64),
                ("quick_mode_sa", ctypes.c_uint64)]


library = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"], use_errno=True)
library.sallyport_identity_principal.restype = ctypes.c_char_p
library.sallyport_identity_name.restype = ctypes.c_char_p
library.sallyport_identity_method.restype = ctypes.c_char_p
library.sallyport_identity_user.restype = ctypes.c_char_p
library.sallyport_identity_names.restype = ctypes.c_size_t
for function in ("principal", "names", "method", "user", "free"):
    getattr(library, f"sallyport_identity_{function}").argtypes = [ctypes.c_void_p]
library.sallyport_identity_name.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def tell(**what):
    print(json.dumps(what), flush=True)


def called(result):
    """0, or the errno of a call."""
    return 0 if result == 0 else ctypes.get_errno()


def sockaddr(peer):
    if peer is None:
        return None, 0
    if ":" in peer[0]:
        octets = struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(peer[1]), 0, socket.inet_pton(socket.AF_INET6, peer[0]), 0)
    else:
        octets = struct.pack("=HH4s8x", socket.AF_INET, socket.htons(peer[1]), socket.inet_pton(socket.AF_INET, peer[0]))
    return ctypes.create_string_buffer(octets, len(octets)), len(octets)


def fd_of(s):
    return s if isinstance(s, int) else s.fileno()


def secure(s, flags=None):
    settings = None if flags is None else ctypes.byref(Settings(flags))
    return called(library.sallyport_set_security(fd_of(s), settings))


def listener(host, port):
    """A secured socket that listens; whoever started this program is told."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if (error := secure(s)) != 0:
        raise OSError(error, "the server's socket cannot be secured")
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(16)
    tell(bound=True)
    return s


def name(s, text, peer=None):
    address, length = sockaddr(peer)
    return called(library.sallyport_set_peer_name(fd_of(s), address, length, text.encode()))


def unname(s, peer):
    address, length = sockaddr(peer)
    return called(library.sallyport_delete_peer_name(fd_of(s), address, length))


def query(s, peer=None):
    state, identity = State(), ctypes.c_void_p()
    address, length = sockaddr(peer)
    error = called(library.sallyport_query_security(fd_of(s), address, length, ctypes.byref(state), ctypes.byref(identity)))
    out = {"error": errno.errorcode.get(error, error), "flags": state.flags, "mm": state.main_mode_sa, "qm": state.quick_mode_sa,
           "why": state.negotiation_error}
    if identity.value:
        count = library.sallyport_identity_names(identity)
        out["names"] = [library.sallyport_identity_name(identity, i).decode() for i in range(count)]
        out["principal"] = library.sallyport_identity_principal(identity).decode()
        out["method"] = library.sallyport_identity_method(identity).decode()
        out["user"] = library.sallyport_identity_user(identity).decode()
        library.sallyport_identity_free(identity)
    return out


def errors(about):
    """Every row of errors that needs no peer: [what, errno's name or 0]."""
    rows, here = [], about["address"]

    def row(what, error):
        rows.append([what, errno.errorcode.get(error, error)])

    def fresh(kind=socket.SOCK_STREAM):
        return socket.socket(socket.AF_INET, kind)
    row("set: no descriptor", secure(999))
    with open("/dev/null", "rb") as file:
        row("set: no socket", secure(file.fileno()))
    row("set: AF_UNIX", secure(socket.socket(socket.AF_UNIX)))
    row("set: raw", secure(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)))
    row("set: unknown flag", secure(fresh(), 0x80))
    row("set: both flags", secure(fresh(), 3))
    key = Settings(0)
    key.quick_mode_policy[0] = 1
    s = fresh()
    row("set: no such policy", called(library.sallyport_set_security(s.fileno(), ctypes.byref(key))))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    row("set: defaults", secure(s))
    row("set: twice", secure(s))
    row("SO_REUSEADDR afterwards", s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR))
    try:
        s.setsockopt(socket.SOL_SOCKET, 27, struct.pack("i", 0))  # SO_DETACH_FILTER
        row("the filter can be taken away", 0)
    except OSError as refused:
        row("the filter can be taken away", refused.errno)
    row("query: not connected", {"ENOTCONN": errno.ENOTCONN}.get(query(s)["error"], 0))
    row("impersonate: not connected", called(library.sallyport_impersonate_peer(s.fileno(), None, 0)))
    bound = fresh()
    bound.bind((here, 0))
    row("set: bound", secure(bound))
    bound.listen(1)
    row("set: listening", secure(bound))
    row("name: listening", name(bound, "host/a"))
    plain = fresh()
    plain.connect(bound.getsockname())
    row("set: connected", secure(plain))
    row("name: connected", name(plain, "host/a"))
    udp = fresh(socket.SOCK_DGRAM)
    udp.connect((here, 9))
    row("set: connected UDP", secure(udp))
    udp = fresh(socket.SOCK_DGRAM)
    row("set: UDP", secure(udp))
    row("name: UDP without a peer", name(udp, "host/a"))
    row("name: UDP, port zero", name(udp, "host/a", ("192.0.2.9", 0)))
    row("name: empty", name(udp, "", ("192.0.2.9", 7)))
    row("name: too long", name(udp, "n" * 1025, ("192.0.2.9", 7)))
    row("name: UDP", name(udp, "host/a", ("192.0.2.9", 7)))
    row("name: UDP, another one", name(udp, "host/b", ("192.0.2.9", 7)))
    row("unname: UDP", unname(udp, ("192.0.2.9", 7)))
    row("unname: no such name", unname(udp, ("192.0.2.9", 7)))
    row("unname: TCP", unname(s, ("192.0.2.9", 7)))
    row("query: UDP without a peer", {"EINVAL": errno.EINVAL}.get(query(udp)["error"], 0))
    row("query: UDP, nothing known of the peer", {0: 0}.get(query(udp, ("192.0.2.9", 7))["error"], 1))
    row("revert: nothing", called(library.sallyport_revert_impersonation()))
    tell(rows=rows)


if __name__ == "__main__":
    {"errors": errors}[sys.argv[1]](json.loads(sys.argv[2]))
