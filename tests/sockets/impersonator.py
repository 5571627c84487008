"""A server with root's rights that acts as whoever calls, for the tests: impersonator.py ADDRESS PORT OWN OTHER.

OWN is a file that only the caller's account may read, OTHER one of another account. Prints one line of JSON for a connection.
"""
import ctypes
import errno
import json
import os
import queue
import sys
import threading

import speaker

library = ctypes.CDLL(os.environ["SALLYPORT_LIBRARY"], use_errno=True)


def called(result):
    return "ok" if result == 0 else errno.errorcode[ctypes.get_errno()]


def readable(path):
    try:
        return open(path).read() != ""
    except PermissionError:
        return False


class Elsewhere:
    """What another thread may read meanwhile. It is there before: a new one would begin with the rights of the one that makes it."""

    def __init__(self):
        self.questions, self.answers = queue.Queue(), queue.Queue()
        threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self):
        while True:
            self.answers.put([readable(path) for path in self.questions.get()])

    def read(self, *paths):
        self.questions.put(paths)
        return self.answers.get(timeout=10)


def main():
    host, port, own, other = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    elsewhere = Elsewhere()
    s = speaker.listener(host, port)
    while True:
        c, _ = s.accept()
        data = c.recv(2000)
        said = {"first": called(library.sallyport_impersonate_peer(c.fileno(), None, 0)), "during": [readable(own), readable(other)],
                "elsewhere": elsewhere.read(own, other), "second": called(library.sallyport_impersonate_peer(c.fileno(), None, 0)),
                "nested": [readable(own), readable(other)], "undone": called(library.sallyport_revert_impersonation()),
                "between": [readable(own), readable(other)], "undone again": called(library.sallyport_revert_impersonation()),
                "after": [readable(own), readable(other)], "uid": os.getuid()}
        print(json.dumps(said), flush=True)
        c.sendall(data.upper())
        c.close()


main()
