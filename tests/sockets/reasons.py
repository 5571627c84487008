"""Connections that come to nothing, or to clear text, and what a query says of it, for the tests: reasons.py ADDRESS PORT PLAIN_PORT.

Prints one line of JSON.
"""
import ctypes
import errno
import json
import os
import socket
import struct
import sys
import time

library = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"], use_errno=True)
library.sallyport_socket_security_ioctl.argtypes = [ctypes.c_size_t, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p,
                                                    ctypes.c_uint32, ctypes.c_void_p]
QUERY = 0xD80000C9
os.setgid(65534)
os.setuid(65534)


def secure(kind, flags=0):
    s = socket.socket(socket.AF_INET, kind)
    if library.sallyport_set_security(s.fileno(), flags.to_bytes(4, "little") + bytes(32)) != 0:
        raise OSError(ctypes.get_errno(), "not secured")
    return s


def address(host, port):
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton(host) + bytes(8)


def why(s, peer=None):
    """The flags and the error, or the errno."""
    state = ctypes.create_string_buffer(24)
    name = address(*peer) if peer else None
    if library.sallyport_query_security(s.fileno(), name, len(name or b""), state, None) != 0:
        return errno.errorcode[ctypes.get_errno()]
    return list(struct.unpack("=II", state.raw[:8]))


def windows(s, second):
    """The same by WSAIoctl: the code, and of the second form flags and NegotiationWinerr."""
    room, template = (64, b"\x02" + bytes(151)) if second else (24, bytes(144))
    out, told = ctypes.create_string_buffer(room), ctypes.c_uint32()
    code = library.sallyport_socket_security_ioctl(s.fileno(), QUERY, template, len(template), out, room, ctypes.byref(told))
    return [code, *struct.unpack_from("=I", out.raw, 4), *struct.unpack_from("=I", out.raw, 40)] if code == 0 and second else code


def until_known(ask, patience=15):
    end = time.monotonic() + patience
    while (got := ask()) in ("ENOTCONN", [0, 0]) and time.monotonic() < end:
        time.sleep(0.1)
    return got


def main():
    host, port, plain_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    said = {}
    s = secure(socket.SOCK_STREAM)
    said["before"] = why(s)
    s.setblocking(False)
    said["begun"] = errno.errorcode.get(s.connect_ex((host, port)))
    said["connecting"] = until_known(lambda: why(s))
    said["WSA, first form"], said["WSA, second form"] = windows(s, False), windows(s, True)
    other = secure(socket.SOCK_STREAM)
    said["another socket"] = why(other)
    gone = secure(socket.SOCK_STREAM)
    gone.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
    said["given up"] = errno.errorcode.get(gone.connect_ex((host, port)))
    time.sleep(1.5)  # the daemon has seen that it is gone
    said["gone"] = why(gone)
    u = secure(socket.SOCK_DGRAM)
    peer = (host, port)
    said["datagrams before"] = why(u, peer)
    u.sendto(b"text", peer)
    said["datagrams"] = until_known(lambda: why(u, peer))
    said["datagrams of another peer"] = why(u, ("192.0.2.99", port))
    clear = secure(socket.SOCK_STREAM, 2)
    clear.settimeout(15)
    clear.connect((host, plain_port))
    said["in the clear"] = until_known(lambda: why(clear))
    print(json.dumps(said), flush=True)


main()
