"""Runs cases of secured sockets: each gets a Lab, returns what it saw, and raises where that is not what it has to be."""
import functools
import subprocess

from lab import command, peers, sallyport, space
from lab.isolation import Failure
from lab.space import Lab
from lab.traffic import BUILD


class Skipped(Exception):
    pass


def last_lines(host):
    log = host.folder / "sallyportd.log"
    return f"--- {host.name}\n" + "\n".join(log.read_text().splitlines()[-25:]) if log.exists() else ""


def play(case, keep):
    """Whether it passed, and what was seen."""
    with Lab(keep) as lab:
        try:
            return True, case(lab)
        except peers.Unavailable as why:
            raise Skipped(why) from why
        except (Failure, RuntimeError, TimeoutError, subprocess.SubprocessError) as problem:
            return False, "\n".join([str(problem), *filter(None, map(last_lines, lab.hosts.values()))])


def run(cases, description):
    """By the words of the command line; the exit status, 77 for skipped."""
    words = command.parser(description)
    words.add_argument("--workers", type=int, default=1, help="packet workers of the daemons (default: 1)")
    asked = words.parse_args()
    if asked.list:
        print("\n".join(cases))
        return 0
    command.refuse_unknown(words, asked.case, cases)
    library = BUILD / "src" / "api" / "libsallyport.so"
    why_not = space.available() or sallyport.available() or (None if library.exists() else "libsallyport is not built")
    if not why_not:
        space.sweep()
        Lab.workers = asked.workers
        try:
            return 1 if command.play({name: functools.partial(play, case, asked.keep) for name, case in cases.items()}, asked.case) else 0
        except Skipped as why:
            why_not = why
    print(f"skipped: {why_not}")
    return command.SKIPPED
