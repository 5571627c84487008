#!/usr/bin/python3
"""Runs the measurements of bench/rows and prints their table. script/bench builds and fetches first, then calls this.

Usage: run.py [--list] [--needs] [--only NAME…] [--json FILE] [--rounds N] [--keep]
"""
import argparse
import importlib
import pathlib
import pkgutil
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "netns")]
import frame
import rows


def measurements():
    """Every Measurement of every module in rows/, in the order of the modules' names."""
    found = []
    for module in sorted(info.name for info in pkgutil.iter_modules(rows.__path__)):
        found += importlib.import_module(f"rows.{module}").MEASUREMENTS
    return found


def chosen(names):
    """--only takes names, or beginnings of names up to a hyphen; nothing means everything that is not hidden."""
    everything = measurements()
    if not names:
        return [m for m in everything if not m.hidden]
    picked = []
    for name in names:
        found = [m for m in everything if m.name == name] or [m for m in everything if m.name.startswith(name + "-")]
        if not found:
            sys.exit(f"bench: there is no measurement '{name}'; there are: {' '.join(m.name for m in everything)}")
        picked += [m for m in found if m not in picked]
    return picked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="names of the measurements")
    parser.add_argument("--needs", action="store_true", help="build targets and peers of the chosen measurements")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--json", metavar="FILE", help="write the table there too")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions of each figure, alternating between the programs compared")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the labs, with logs")
    arguments = parser.parse_args()
    picked = chosen(arguments.only)
    if arguments.list:
        print("\n".join(m.name + ("  (only when named)" if m.hidden else "") for m in measurements()))
        return 0
    if arguments.needs:
        wanted = [f"target:{t}" for m in picked for t in m.targets] + [f"peer:{p}" for m in picked for p in m.peers]
        print("\n".join(dict.fromkeys(wanted)))
        return 0
    facts, found, refused = frame.machine(), [], []
    setting = frame.Setting(arguments.rounds, lambda text: print(f"bench: {text}", file=sys.stderr, flush=True), arguments.keep)
    for measurement in picked:
        begun = time.monotonic()
        setting.say(f"{measurement.name} …")
        try:
            found += measurement.run(setting)
        except (frame.Unmeasurable, RuntimeError, TimeoutError) as why:
            refused.append((measurement.name, str(why)))
            setting.say(f"{measurement.name}: not measured: {why}")
        setting.say(f"{measurement.name}: {time.monotonic() - begun:.0f} s")
    print(frame.table(facts, found, refused))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(frame.to_json(facts, found, refused) + "\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
