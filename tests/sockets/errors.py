"""The refusals of each call, by their errno and by the codes of WSAGetLastError, on a host whose daemon runs."""
import ctypes
import errno
import os
import socket

library = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"], use_errno=True)
library.sallyport_socket_security_ioctl.argtypes = [ctypes.c_size_t, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p,
                                                    ctypes.c_uint32, ctypes.c_void_p]
SET, QUERY, NAME, DELETE = 0x980000C8, 0xD80000C9, 0x980000CA, 0x980000CB
os.setuid(65534)


def number(result):
    return 0 if result == 0 else ctypes.get_errno()


def set_security(s, flags=0):
    fd = s if isinstance(s, int) else s.fileno()
    return number(library.sallyport_set_security(fd, flags.to_bytes(4, "little") + bytes(32)))


def ioctl(s, code, request=None, room=0):
    """The code, and the octets told."""
    out, told = ctypes.create_string_buffer(room) if room else None, ctypes.c_uint32(99)
    fd = s if isinstance(s, int) else s.fileno()
    return library.sallyport_socket_security_ioctl(fd, code, request, len(request or b""), out, room, ctypes.byref(told)), told.value


kept = []  # what is collected is closed


def tcp(kind=socket.SOCK_STREAM):
    kept.append(socket.socket(socket.AF_INET, kind))
    return kept[-1]


def udp():
    return tcp(socket.SOCK_DGRAM)


def expect(what, got, wanted):
    if got != wanted:
        raise SystemExit(f"{what}: {got} where {wanted} is due")


reading, _ = os.pipe()
expect("a pipe", set_security(reading), errno.ENOTSOCK)
expect("no descriptor", set_security(999), errno.EBADF)
expect("a Unix socket", set_security(socket.socket(socket.AF_UNIX)), errno.EAFNOSUPPORT)
s = tcp()
expect("the first time", set_security(s), 0)
expect("the second time", set_security(s), errno.EINVAL)
expect("exclusive", s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR), 0)
s = tcp()
s.bind(("0.0.0.0", 0))
expect("bound", set_security(s), errno.EINVAL)
s.listen(1)
expect("listening", set_security(s), errno.EINVAL)
s = udp()
s.connect(("192.0.2.2", 9))
expect("connected", set_security(s), errno.EISCONN)
expect("both flags", set_security(tcp(), 3), errno.EINVAL)
expect("unknown flags", set_security(tcp(), 8), errno.EINVAL)
expect("query of what is not connected", number(library.sallyport_query_security(tcp().fileno(), None, 0, None, None)), errno.ENOTCONN)
expect("query without a peer", number(library.sallyport_query_security(udp().fileno(), None, 0, None, None)), errno.EINVAL)
expect("an empty name", number(library.sallyport_set_peer_name(tcp().fileno(), None, 0, b"")), errno.EINVAL)
expect("a long name", number(library.sallyport_set_peer_name(tcp().fileno(), None, 0, b"a" * 1025)), errno.ENAMETOOLONG)
expect("no such name", number(library.sallyport_delete_peer_name(udp().fileno(), None, 0)), errno.EINVAL)
expect("nobody to be", number(library.sallyport_impersonate_peer(tcp().fileno(), None, 0)), errno.ENOTCONN)
expect("nothing to undo", number(library.sallyport_revert_impersonation()), 0)

expect("WSA: a pipe", ioctl(reading, SET)[0], 10038)
expect("WSA: a Unix socket", ioctl(socket.socket(socket.AF_UNIX), SET)[0], 10022)
expect("WSA: short settings", ioctl(tcp(), SET, bytes(7))[0], 10040)
expect("WSA: no settings", ioctl(tcp(), SET)[0], 0)
expect("WSA: unknown protocol", ioctl(tcp(), SET, b"\x03" + bytes(7))[0], 10022)
expect("WSA: long form with DEFAULT", ioctl(tcp(), SET, bytes(88))[0], 10022)
expect("WSA: long form", ioctl(tcp(), SET, b"\x01" + bytes(87))[0], 0)
expect("WSA: a key of nothing", ioctl(tcp(), SET, b"\x01" + bytes(27) + b"\x77" * 16 + bytes(44))[0], 10022)
expect("WSA: connected", ioctl(s, SET)[0], 10056)
expect("WSA: size by NULL", ioctl(tcp(), QUERY), (10014, 24))
expect("WSA: size with a template", ioctl(tcp(), QUERY, bytes(144)), (10040, 24))
expect("WSA: size of the second form", ioctl(tcp(), QUERY, b"\x02" + bytes(151)), (10040, 64))
expect("WSA: datagrams without a template", ioctl(udp(), QUERY, None, 24)[0], 10040)
expect("WSA: not connected", ioctl(tcp(), QUERY, None, 24)[0], 10057)
expect("WSA: no name", ioctl(tcp(), NAME)[0], 10014)
expect("WSA: a short name", ioctl(tcp(), NAME, bytes(139))[0], 10040)
word = "host/bob".encode("utf-32-le")
for unit, length in (("characters", 8), ("octets", 32)):
    expect(f"WSA: a name in {unit}", ioctl(tcp(), NAME, bytes(136) + length.to_bytes(4, "little") + word)[0], 0)
expect("WSA: octets alone", ioctl(tcp(), NAME, b"\x02" + bytes(135) + (8).to_bytes(4, "little") + word)[0], 0)
expect("WSA: longer than its buffer", ioctl(tcp(), NAME, bytes(136) + (64).to_bytes(4, "little") + word)[0], 10040)
expect("WSA: datagrams, no peer", ioctl(udp(), NAME, bytes(136) + (8).to_bytes(4, "little") + word)[0], 10022)
expect("WSA: delete, no peer", ioctl(udp(), DELETE)[0], 10014)
expect("WSA: delete of a stream", ioctl(tcp(), DELETE, bytes(16))[0], 10022)

# Names in front of set_security are kept for a user's 256 sockets; one more is refused, and none is forgotten for it.
answers = [number(library.sallyport_set_peer_name(tcp().fileno(), None, 0, b"bob")) for _ in range(257)]
expect("names of many sockets", (set(answers), answers == sorted(answers)), ({0, errno.ENOBUFS}, True))
s = tcp()
set_security(s)
expect("a name of a secured socket", number(library.sallyport_set_peer_name(s.fileno(), None, 0, b"bob")), 0)
print("good")
