"""What a program under `sallyport run` tries, for programs.py. Says what each attempt gave.

trapped.py attempts              every way to an IP socket that is not asked of the supervisor
trapped.py later                 a socket on each line of standard input
"""
import ctypes
import errno
import json
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
IO_URING_SETUP, AF_XDP, AF_SMC, SO_MARK, PIDFD_GETFD = 425, 44, 43, 36, 438


def attempt(make):
    try:
        made = make()
        if hasattr(made, "close"):
            made.close()
        return "made"
    except OSError as refused:
        return errno.errorcode[refused.errno]


def system_call(number, *words):
    if libc.syscall(number, *words) < 0:
        raise OSError(ctypes.get_errno(), "")


def attempts():
    def marked():
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, SO_MARK, 0)
    print(json.dumps({
        "tcp": attempt(socket.socket), "tcp6": attempt(lambda: socket.socket(socket.AF_INET6)),
        "udp": attempt(lambda: socket.socket(type=socket.SOCK_DGRAM)), "unix": attempt(lambda: socket.socket(socket.AF_UNIX)),
        "netlink": attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)),
        "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
        "ping": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1)),
        "sctp": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)),
        "mptcp": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)),
        "packet": attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)),
        "xdp": attempt(lambda: socket.socket(AF_XDP, socket.SOCK_RAW, 0)), "smc": attempt(lambda: socket.socket(AF_SMC, socket.SOCK_STREAM, 0)),
        "io_uring": attempt(lambda: system_call(IO_URING_SETUP, 1, 0)), "mark": attempt(marked),
        "another's descriptor": attempt(lambda: system_call(PIDFD_GETFD, os.pidfd_open(os.getpid()), 1, 0)),
        "other numbers": attempt(lambda: system_call(0x40000000 | 41, socket.AF_INET, socket.SOCK_STREAM, 0))}), flush=True)


def later():
    for _ in sys.stdin:
        print(attempt(socket.socket), flush=True)


{"attempts": attempts, "later": later}[sys.argv[1]]()
