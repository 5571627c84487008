"""What a benchmark is here: a Measurement runs, perhaps beside a peer in the same run, and returns Rows for the table.

Figures are medians of rounds; where two programs are compared, rounds alternate between them, and the ratio of a row is the
median of the rounds' own ratios, so that what else the machine does at the time hits both.
"""
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build" / "release"))


class Unmeasurable(Exception):
    """The measurement cannot be made here; the text says why, in one sentence."""


@dataclasses.dataclass
class Row:
    """One line of the table.

    ours, theirs: figures in `unit`; theirs is None where there is no peer. ratio: ours / theirs.
    goal: "<= 0.25", ">= 10" on the ratio, or "" where the figure is only told. note: one remark, such as the spread.
    """
    name: str
    unit: str
    ours: float
    peer: str = ""
    theirs: float = None
    ratio: float = None
    goal: str = ""
    note: str = ""

    def __post_init__(self):
        if self.ratio is None and self.theirs:
            self.ratio = self.ours / self.theirs
        if self.goal:
            split_goal(self.goal)

    @property
    def met(self):
        """True, False, or None where there is no goal or nothing to hold it against."""
        if not self.goal or self.ratio is None:
            return None
        sign, bound = split_goal(self.goal)
        return self.ratio <= bound if sign == "<=" else self.ratio >= bound


def split_goal(goal):
    """("<=" or ">=", number)."""
    match = re.fullmatch(r"(<=|>=) (\d+(?:\.\d+)?)", goal)
    if not match:
        raise ValueError(f"a goal is '<= NUMBER' or '>= NUMBER', not '{goal}'")
    return match.group(1), float(match.group(2))


def compared(name, unit, ours, peer, theirs, goal="", note=""):
    """The Row of two lists of rounds that alternated: medians, the median of the paired ratios, and their range as the note."""
    ratios = [a / b for a, b in zip(ours, theirs) if b]
    spread = f"ratios {min(ratios):.3g} to {max(ratios):.3g} in {len(ratios)} rounds" if len(ratios) > 1 else ""
    return Row(name, unit, statistics.median(ours), peer, statistics.median(theirs), statistics.median(ratios) if ratios else None, goal,
               "; ".join(filter(None, (note, spread))))


@dataclasses.dataclass
class Measurement:
    """name: for --only. run(setting): returns Rows, or raises Unmeasurable. targets: of the build. peers: sets of script/peers.
    hidden: runs only when named."""
    name: str
    run: object
    targets: tuple = ()
    peers: tuple = ()
    hidden: bool = False


@dataclasses.dataclass
class Setting:
    """What the command line asks of every measurement. say: progress, one line."""
    rounds: int
    say: object
    keep: bool = False


def tool(name):
    """A program of the build, by its name. Raises Unmeasurable."""
    for folder in ("bench", "src/daemon", "src/cli", "tests/netns"):
        if (path := BUILD / folder / name).is_file():
            return path
    raise Unmeasurable(f"{name} is not built in {BUILD.name}")


def _first_line(path, key):
    try:
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def machine():
    """The facts that stand above the table."""
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    kind = "CPU implementer" if platform.machine().startswith("aarch64") else "model name"
    memory = int(_first_line("/proc/meminfo", "MemTotal").split()[0]) // 1024 if os.path.exists("/proc/meminfo") else 0
    return {"date": datetime.datetime.now().isoformat(timespec="minutes", sep=" "), "cpu": _first_line("/proc/cpuinfo", kind),
            "cores": os.cpu_count(), "memory_mib": memory, "kernel": platform.release(), "commit": commit or "unknown",
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def figure(value):
    """Three significant digits, without an exponent."""
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def table(facts, rows, refused):
    """Markdown: machine and date, the rows, and what could not be measured."""
    load = "" if facts["load_before"] is None else f", load {facts['load_before']:.2f} before"
    lines = [f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_mib']} MiB, Linux {facts['kernel']}; {facts['date']}, commit "
             f"{facts['commit']}{load}", ""]
    cells = [["Row", "Unit", "Ours", "Peer", "Theirs", "Ratio", "Goal", "Met", "Remark"]]
    for row in rows:
        met = {True: "yes", False: "**no**", None: ""}[row.met]
        cells.append([row.name, row.unit, figure(row.ours), row.peer, figure(row.theirs), figure(row.ratio), row.goal, met, row.note])
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    for number, line in enumerate(cells):
        lines.append("| " + " | ".join(text.ljust(width) for text, width in zip(line, widths)) + " |")
        if number == 0:
            lines.append("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    for name, why in refused:
        lines += ["", f"{name}: not measured: {why}"]
    return "\n".join(lines)


def to_json(facts, rows, refused):
    return json.dumps({"machine": facts, "rows": [dict(dataclasses.asdict(row), met=row.met) for row in rows],
                       "not_measured": [{"name": name, "why": why} for name, why in refused]}, indent=2)
