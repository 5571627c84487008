"""A server without rights that has files opened as whoever calls, for the tests: opener.py ADDRESS PORT FOLDER THREADS.

FOLDER has what callers.py puts there. Prints one line of JSON for a connection: what came of each try.
"""
import ctypes
import errno
import json
import os
import sys
import threading

import speaker

library = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"], use_errno=True)


def opened(c, path, flags=os.O_RDONLY, mode=0, write=None):
    """What is in it, or the errno's name."""
    while (fd := library.sallyport_open_as_peer(c.fileno(), None, 0, os.fsencode(path), flags, mode)) < 0:
        if ctypes.get_errno() != errno.EAGAIN:
            return errno.errorcode[ctypes.get_errno()]
    if not fd > 2 or os.get_inheritable(fd):
        return f"descriptor {fd}"
    try:
        if write is not None:
            return os.write(fd, write)
        return sorted(os.listdir(fd)) if flags & os.O_DIRECTORY else os.read(fd, 100).decode()
    finally:
        os.close(fd)


def directly(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as refused:
        return errno.errorcode[refused.errno]


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def rows(c, folder):
    own, home = f"{folder}/own", f"{folder}/home"
    return {
        "directly": directly(own), "own": opened(c, own), "other": opened(c, f"{folder}/other"), "relative": opened(c, "own"),
        "link": opened(c, f"{folder}/link"), "link itself": opened(c, f"{folder}/link", os.O_NOFOLLOW),
        "above the root": opened(c, f"/../../..{own}"), "missing": opened(c, f"{folder}/missing"), "empty": opened(c, ""),
        "appended": opened(c, own, os.O_WRONLY | os.O_APPEND, write=b"more\n"), "then": opened(c, own),
        "other written": opened(c, f"{folder}/other", os.O_WRONLY | os.O_TRUNC),
        "made": opened(c, f"{home}/made", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, b"made\n"),
        "made again": opened(c, f"{home}/made", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, b"made\n"),
        "made before": opened(c, f"{home}/made", os.O_RDONLY | os.O_CREAT, 0o640),
        "made where it may not": opened(c, f"{folder}/made", os.O_WRONLY | os.O_CREAT, 0o640),
        "by a dangling link": opened(c, f"{home}/dangling", os.O_WRONLY | os.O_CREAT, 0o640),
        "folder": opened(c, home, os.O_DIRECTORY), "no folder": opened(c, own, os.O_DIRECTORY),
        "fifo": opened(c, f"{folder}/fifo"), "device": opened(c, "/dev/null"), "proc": opened(c, "/proc/self/maps"),
        "by proc": opened(c, f"/proc/self/fd/0"), "setuid": opened(c, f"{home}/setuid", os.O_WRONLY | os.O_CREAT, 0o4755),
        "O_PATH": opened(c, own, os.O_PATH), "too long": opened(c, "/" + "x" * 5000), "directly again": directly(own),
    }


def crowd(c, folder, threads):
    """Each thread opens what is allowed and what is not, many times; whether all went as it should."""
    wrong = []

    def work():
        for _ in range(10):
            if (got := (opened(c, f"{folder}/still"), opened(c, f"{folder}/other"), directly(f"{folder}/still"))) != ("still\n", "EACCES", "EACCES"):
                wrong.append(got)

    before = descriptors()
    all_threads = [threading.Thread(target=work) for _ in range(threads)]
    for each in all_threads:
        each.start()
    for each in all_threads:
        each.join()
    return wrong or ("all good" if descriptors() == before else "descriptors are left")


def main():
    host, port, folder, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    os.chdir(folder)
    s = speaker.listener(host, port)
    while True:
        c, _ = s.accept()
        data = c.recv(2000)
        said = {"rows": rows(c, folder), "crowd": crowd(c, folder, threads), "uid": os.getuid()}
        print(json.dumps(said), flush=True)
        c.sendall(data.upper())
        c.close()


main()
