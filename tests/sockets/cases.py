"""Runs cases of secured sockets: each gets a Lab, returns what it saw, and raises where that is not what it has to be."""
import subprocess

from lab import peers, sallyport, space
from lab.isolation import Failure
from lab.space import Lab
from lab.traffic import BUILD


def run(cases, arguments):
    """[--list] [--case NAME]… [--keep] [--workers N], as many packet workers of the daemons; the exit status, 77 for skipped."""
    if "--list" in arguments:
        print("\n".join(cases))
        return 0
    library = BUILD / "src" / "api" / "libsallyport.so"
    if why_not := space.available() or sallyport.available() or (None if library.exists() else "libsallyport is not built"):
        print(f"skipped: {why_not}")
        return 77
    space.sweep()
    Lab.workers = int(arguments[arguments.index("--workers") + 1]) if "--workers" in arguments else 1
    failed = 0
    for name in [arguments[i + 1] for i, word in enumerate(arguments) if word == "--case"] or list(cases):
        with Lab("--keep" in arguments) as lab:
            try:
                text, passed = cases[name](lab), True
            except peers.Unavailable as why:
                print(f"skipped: {why}")
                return 77
            except (Failure, RuntimeError, TimeoutError, subprocess.SubprocessError) as problem:
                logs = [f"--- {host.name}\n" + "\n".join((host.folder / "sallyportd.log").read_text().splitlines()[-25:])
                        for host in lab.hosts.values() if (host.folder / "sallyportd.log").exists()]
                text, passed = "\n".join([str(problem), *logs]), False
        print(f"{'ok  ' if passed else 'FAIL'} {name}: {text}", flush=True)
        failed += not passed
    return 1 if failed else 0
