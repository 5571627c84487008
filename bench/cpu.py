"""CPU time of daemons: every process of a session, all threads, user and system, in seconds.

The scheduler's own sums (/proc/PID/task/TID/schedstat, nanoseconds) are used; where a process gained or lost threads
between two readings, its ticks (/proc/PID/stat), which keep the time of ended threads.
"""
import dataclasses
import os

TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass
class Reading:
    """pid -> (ids of its threads, nanoseconds of those, seconds by ticks)."""
    processes: dict


def _stat(pid):
    """Fields of /proc/PID/stat after the name: state is 0, session 3, utime 11, stime 12."""
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rsplit(")", 1)[1].split()


def session(leader):
    """Process ids of the session that `leader` leads."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if int(_stat(name)[3]) == leader:
                    found.append(int(name))
            except (OSError, IndexError):
                continue
    return found


def read(leaders):
    """A Reading of the sessions of these processes."""
    processes = {}
    for leader in leaders:
        for pid in session(leader):
            try:
                threads = frozenset(os.listdir(f"/proc/{pid}/task"))
                spent = 0
                for thread in threads:
                    with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                        spent += int(file.read().split()[0])
                fields = _stat(pid)
                processes[pid] = threads, spent, (int(fields[11]) + int(fields[12])) * TICK
            except OSError:
                continue
    return Reading(processes)


def seconds(before, after):
    """CPU seconds spent between two readings. Processes that came and went in between are not seen."""
    total = 0.0
    for pid, (threads, spent, ticks) in after.processes.items():
        old_threads, old_spent, old_ticks = before.processes.get(pid, (threads, 0, 0.0))
        total += (spent - old_spent) * 1e-9 if threads == old_threads else ticks - old_ticks
    return total


def by_process(before, after):
    """name/pid -> seconds, for a look at which process of a daemon spends the time."""
    out = {}
    for pid in after.processes:
        one = Reading({pid: after.processes[pid]})
        old = Reading({pid: before.processes[pid]} if pid in before.processes else {})
        out[pid] = seconds(old, one)
    return out
