"""Secure sockets: protect a socket by IPsec with one call, say who is expected, learn who is there.

    import socket, sallyport
    s = socket.socket()
    sallyport.secure(s, encrypt=True)
    sallyport.expect(s, "server.example")
    s.connect(("192.0.2.1", 7))
    print(sallyport.query(s).identity.principal)

Every function takes a socket or a descriptor and raises OSError with the errno of its call (sallyport/secure_socket.h lists them). The
calls do not wait for the network; connect() does. Threads: any. Needs libsallyport.so.0, which SALLYPORT_LIBRARY may name. Standard
library only.
"""
import contextlib
import ctypes
import dataclasses
import os
import socket as _socket
import struct
import uuid

__all__ = ["Identity", "State", "expect", "forget", "impersonate", "impersonated", "open_as_peer", "query", "secure"]

GUARANTEE_ENCRYPTION = 0x1
ALLOW_INSECURE = 0x2
SECURED = 0x1
ENCRYPTED = 0x2
IDENTIFY_ONLY = 0x10000


class _Security(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("main_mode_policy", ctypes.c_ubyte * 16), ("quick_mode_policy", ctypes.c_ubyte * 16)]


class _State(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint32), ("negotiation_error", ctypes.c_uint32), ("main_mode_sa", ctypes.c_uint64),
                ("quick_mode_sa", ctypes.c_uint64)]


def _load():
    library = ctypes.CDLL(os.environ.get("SALLYPORT_LIBRARY", "libsallyport.so.0"), use_errno=True)
    address = [ctypes.c_char_p, ctypes.c_uint32]
    signatures = {
        "set_security": (ctypes.c_int, [ctypes.c_int, ctypes.POINTER(_Security)]),
        "set_peer_name": (ctypes.c_int, [ctypes.c_int, *address, ctypes.c_char_p]),
        "delete_peer_name": (ctypes.c_int, [ctypes.c_int, *address]),
        "query_security": (ctypes.c_int, [ctypes.c_int, *address, ctypes.POINTER(_State), ctypes.POINTER(ctypes.c_void_p)]),
        "identity_principal": (ctypes.c_char_p, [ctypes.c_void_p]),
        "identity_names": (ctypes.c_size_t, [ctypes.c_void_p]),
        "identity_name": (ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_size_t]),
        "identity_method": (ctypes.c_char_p, [ctypes.c_void_p]),
        "identity_main_mode_sa": (ctypes.c_uint64, [ctypes.c_void_p]),
        "identity_quick_mode_sa": (ctypes.c_uint64, [ctypes.c_void_p]),
        "identity_free": (None, [ctypes.c_void_p]),
        "impersonate_peer": (ctypes.c_int, [ctypes.c_int, *address]),
        "revert_impersonation": (ctypes.c_int, []),
        "open_as_peer": (ctypes.c_int, [ctypes.c_int, *address, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint]),
        "thread_identity": (ctypes.c_void_p, []),
    }
    functions = {}
    for name, (result, arguments) in signatures.items():
        function = getattr(library, "sallyport_" + name)
        function.restype, function.argtypes = result, arguments
        functions[name] = function
    return functions


_functions = _load()


def _call(name, *arguments):
    if _functions[name](*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _descriptor(sock):
    return sock if isinstance(sock, int) else sock.fileno()


def _address(sock, peer):
    """A peer's (host, port, ...) as the system's structure; the host is an address and not a name."""
    if peer is None:
        return None, 0
    host, port, *rest = peer
    family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
    head = struct.pack("=H", family) + struct.pack("!H", port)
    if family == _socket.AF_INET:
        octets = head + _socket.inet_pton(family, host) + bytes(8)
    else:
        flow, scope = (rest + [0, 0])[:2]
        octets = head + struct.pack("!I", flow) + _socket.inet_pton(family, host) + struct.pack("=I", scope)
    return octets, len(octets)


@dataclasses.dataclass(frozen=True)
class Identity:
    """Who the peer proved to be. principal: the name that IKE authenticated; names: that and its other ones; method: how."""
    principal: str
    names: tuple
    method: str
    main_mode_sa: int
    quick_mode_sa: int


@dataclasses.dataclass(frozen=True)
class State:
    """What has become of a socket's protection. identify_only: impersonate() gives no rights. negotiation_error: a number of winerror.h
    (ERROR_IPSEC_…), 0: none. identity: None where nobody has proved one."""
    secured: bool
    encrypted: bool
    identify_only: bool
    negotiation_error: int
    main_mode_sa: int
    quick_mode_sa: int
    identity: Identity | None


def secure(sock, *, encrypt=True, allow_insecure=False, main_mode_policy=None, quick_mode_policy=None):
    """Secures a socket, before bind() and connect(), once. encrypt: no packet that is authenticated alone. allow_insecure: in the clear
    where the peer cannot; needs encrypt=False. The policies are keys (uuid.UUID or text) of provider contexts; None: the daemon's own."""
    wanted = _Security(flags=(GUARANTEE_ENCRYPTION if encrypt else 0) | (ALLOW_INSECURE if allow_insecure else 0))
    for name, key in (("main_mode_policy", main_mode_policy), ("quick_mode_policy", quick_mode_policy)):
        if key is not None:
            octets = (key if isinstance(key, uuid.UUID) else uuid.UUID(key)).bytes
            setattr(wanted, name, (ctypes.c_ubyte * 16)(*octets))
    _call("set_security", _descriptor(sock), ctypes.byref(wanted))


def expect(sock, name, peer=None):
    """Says who has to be at the other end. peer: (host, port) of a datagram socket's peer that the name is of."""
    _call("set_peer_name", _descriptor(sock), *_address(sock, peer), name.encode())


def forget(sock, peer):
    """Forgets the name of one peer of a datagram socket."""
    _call("delete_peer_name", _descriptor(sock), *_address(sock, peer))


def _read_identity(handle):
    ask = _functions
    names = tuple(ask["identity_name"](handle, index).decode() for index in range(ask["identity_names"](handle)))
    return Identity(ask["identity_principal"](handle).decode(), names, ask["identity_method"](handle).decode(),
                    ask["identity_main_mode_sa"](handle), ask["identity_quick_mode_sa"](handle))


def _take_identity(handle):
    if not handle:
        return None
    try:
        return _read_identity(handle)
    finally:
        _functions["identity_free"](handle)


def query(sock, peer=None):
    """The State of a connection, or of one peer of a datagram socket."""
    state, handle = _State(), ctypes.c_void_p()
    _call("query_security", _descriptor(sock), *_address(sock, peer), ctypes.byref(state), ctypes.byref(handle))
    return State(bool(state.flags & SECURED), bool(state.flags & ENCRYPTED), bool(state.flags & IDENTIFY_ONLY), state.negotiation_error, state.main_mode_sa,
                 state.quick_mode_sa, _take_identity(handle))


@contextlib.contextmanager
def impersonate(sock, peer=None):
    """Within, the calling thread has the peer's rights on files."""
    _call("impersonate_peer", _descriptor(sock), *_address(sock, peer))
    try:
        yield
    finally:
        _call("revert_impersonation")


def open_as_peer(sock, path, flags=os.O_RDONLY, mode=0o666, peer=None):
    """A descriptor of a file that the daemon has opened with the peer's rights, for programs without the right to impersonate; as the
    opener of open(): open(path, opener=lambda path, flags: sallyport.open_as_peer(sock, path, flags))."""
    descriptor = _functions["open_as_peer"](_descriptor(sock), *_address(sock, peer), os.fsencode(path), flags, mode)
    if descriptor < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return descriptor


def impersonated():
    """The Identity that the calling thread has taken by impersonate(); None: nobody's."""
    handle = _functions["thread_identity"]()
    return _read_identity(handle) if handle else None
