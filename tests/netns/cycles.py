#!/usr/bin/python3
"""Random kills, reloads, rekeys and changes of policy between two hosts that never talk in the clear; the wire is the judge.

Usage: cycles.py [--cycles N] [--seed N] [--keep]. Needs root and a build ($SALLYPORT_BUILD). Exit 77 means skipped.
"""
import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import cycles, sallyport, space


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    wanted = parser.parse_args()
    why_not = space.available() or sallyport.available()
    if why_not:
        print(f"skipped: {why_not}")
        return 77
    space.sweep()
    passed, text = cycles.play_by_hand(wanted.cycles, wanted.seed, wanted.keep)
    print(("ok  " if passed else "FAIL ") + text)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
