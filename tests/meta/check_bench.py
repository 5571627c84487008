"""script/bench cannot rot: every module of bench/rows loads, each measurement is explained in bench/README.md, and the frame runs
one in-memory measurement to its table and its JSON file.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import tree


def run(root, *arguments):
    return subprocess.run([sys.executable, "-B", str(root / "bench" / "run.py"), *arguments], capture_output=True, text=True)


def undescribed(names, text):
    return [f"bench/README.md does not explain {name}" for name in names if f"**{name}" not in text and f", {name}" not in text]


def check_run(root):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "table.json"
        done = run(root, "--only", "frame-check", "--rounds", "3", "--json", str(path))
        if done.returncode != 0 or not path.exists():
            return [f"run.py --only frame-check: exit {done.returncode}: {done.stderr.strip()}"]
        told = json.loads(path.read_text())
    row = told["rows"][0]
    complaints = []
    if row["met"] is not True or not row["ours"] > row["theirs"] > 0 or told["not_measured"]:
        complaints.append(f"frame-check gave a strange row: {row}")
    if not told["machine"]["cores"] or row["name"] not in done.stdout or " cores, " not in done.stdout:
        complaints.append(f"the table lacks its machine or its row:\n{done.stdout}")
    return complaints


def check_judgement(root):
    """The frame's own verdict: a missed goal must read as missed."""
    sys.path.insert(0, str(root / "bench"))
    import frame
    facts, missed = frame.machine(), frame.compared("x", "ms", [3, 1, 2], "peer", [1, 1, 1], "<= 1.5")
    complaints = []
    if missed.met is not False or missed.ratio != 2 or "**no**" not in frame.table(facts, [missed], []):
        complaints.append("a goal that is missed is not told as missed")
    if frame.compared("x", "1/s", [3], "peer", [1], ">= 2").met is not True or frame.Row("x", "s", 1.0).met is not None:
        complaints.append("a goal that is met, or none, is told wrongly")
    return complaints


def find(root):
    listed = run(root, "--list")
    if listed.returncode != 0:
        return [f"run.py --list: {listed.stderr.strip()}"]
    names = [line.split()[0] for line in listed.stdout.splitlines()]
    return undescribed(names, (root / "bench" / "README.md").read_text()) + check_run(root) + check_judgement(root)


def self_test():
    assert undescribed(["a-b"], "**a-b.** explained") == [] and undescribed(["a-b"], "nothing") != []


if __name__ == "__main__":
    sys.exit(tree.main("check_bench", find, self_test))
