#!/usr/bin/python3
"""The errors of secure_socket.h's calls, one daemon in a network namespace.

Usage: calls.py [--keep]. Exit 77 means skipped, with the reason.
"""
import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "netns"))
from lab import sallyport, space
from lab.isolation import Failure, Stage
from lab.space import Lab
from lab.traffic import BUILD

# The errno of each row of speaker.py's errors; docs/secure-sockets.md.
ROWS = {
    "set: no descriptor": "EBADF", "set: no socket": "ENOTSOCK", "set: AF_UNIX": "EAFNOSUPPORT", "set: raw": "EPROTONOSUPPORT",
    "set: unknown flag": "EINVAL", "set: both flags": "EINVAL", "set: no such policy": "EINVAL", "set: defaults": 0, "set: twice": "EINVAL",
    "SO_REUSEADDR afterwards": 0, "the filter can be taken away": "EPERM", "query: not connected": "ENOTCONN",
    "impersonate: not connected": "ENOTCONN", "set: bound": "EINVAL", "set: listening": "EINVAL", "name: listening": "EINVAL",
    "set: connected": "EISCONN", "name: connected": "EISCONN", "set: connected UDP": "EISCONN", "set: UDP": 0,
    "name: UDP without a peer": "EINVAL", "name: UDP, port zero": "EINVAL", "name: empty": "EINVAL", "name: too long": "ENAMETOOLONG",
    "name: UDP": 0, "name: UDP, another one": 0, "unname: UDP": 0, "unname: no such name": "EINVAL", "unname: TCP": "EINVAL",
    "query: UDP without a peer": "EINVAL", "query: UDP, nothing known of the peer": 0, "revert: nothing": 0,
}


def errors(lab):
    stage = Stage(lab, ("alice", "bob"))
    member = stage.member("alice", "secure-sockets.toml", {"sockets.psk": "a secret of all sockets\n"},
                          lambda text: 'policy_store = "none"\n' + text)
    library = next(iter(sorted(BUILD.rglob("libsallyport.so"))))
    process = stage.host("alice").start(["/usr/bin/python3", HERE / "speaker.py", "errors", json.dumps({"address": stage.wire.address("alice", "v4")})],
                                        stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "SALLYPORT_LIBRARY": str(library), "SALLYPORT_SOCKETS": str(member.folder / "sockets.sock")})
    rows = dict(json.loads(process.stdout.readline())["rows"])
    wrong = [f"{what}: {rows.get(what)} and not {error}" for what, error in ROWS.items() if rows.get(what) != error]
    if wrong or rows.keys() != ROWS.keys():
        raise Failure("; ".join(wrong) or f"rows are {rows}")
    return f"{len(rows)} calls answered as the header says"


def main(arguments):
    why_not = space.available() or sallyport.available()
    if why_not:
        print(f"skipped: {why_not}")
        return 77
    space.sweep()
    with Lab("--keep" in arguments) as lab:
        try:
            print(f"ok   errors: {errors(lab)}")
            return 0
        except Failure as failure:
            print(f"FAIL errors: {failure}")
            return 1


sys.exit(main(sys.argv[1:]))
