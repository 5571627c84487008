#!/usr/bin/env python3
"""Every transition row and every collision that src/ike counts must have been reached by the simulations.

Usage: check_rows.py --source DIR FILE...   (FILE: what a simulation wrote with --rows)
The rows are read from the source, so that a new one is asked for without a line here. Prints the table; fails on a zero.
"""
import argparse
import pathlib
import re
import sys

TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')


def arguments_of(call, source):
    """The text between the parentheses behind each `call(`, and nothing for declarations."""
    for found in re.finditer(re.escape(call) + r"\(", source):
        depth, at, quoted = 1, found.end(), False
        while depth and at < len(source):
            letter = source[at]
            if letter == '"' and source[at - 1] != "\\":
                quoted = not quoted
            elif not quoted:
                depth += (letter == "(") - (letter == ")")
            at += 1
        yield source[found.end() : at - 1]


def stories_in(source):
    """What count_row() is called with, and the last string of each row of a table of Rows."""
    out = set()
    for arguments in arguments_of("count_row", source):
        out.update(TEXT.findall(arguments))
    for table in re.finditer(r"constexpr Row \w+\[\] = \{(.*?)\n?\};", source, re.S):
        out.update(TEXT.findall(table.group(1)))
    return out


def self_test():
    sample = 'host.count_row(a ? "one (1)" : "two");\nconstexpr Row kRows[] = {\n    {S::A, R::b, kAny, f, S::B,\n     "three"},\n};\n'
    assert stories_in(sample) == {"one (1)", "two", "three"}, stories_in(sample)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    self_test()

    wanted = set()
    for path in sorted(arguments.source.rglob("*.cc")):
        wanted |= stories_in(path.read_text())
    counts = {story: 0 for story in wanted}
    for path in arguments.files:
        for line in path.read_text().splitlines():
            number, story = line.split("\t", 1)
            counts[story] = counts.get(story, 0) + int(number)

    for story in sorted(counts):
        print(f"{counts[story]:10d}  {story}")
    unknown = sorted(set(counts) - wanted)
    never = sorted(story for story in wanted if counts[story] == 0)
    for story in unknown:
        print(f"taken, but not found in the source: {story}")
    for story in never:
        print(f"never reached: {story}")
    print(f"{len(wanted)} rows and collisions, {len(never)} never reached")
    return 1 if never or unknown or not wanted else 0


if __name__ == "__main__":
    sys.exit(main())
