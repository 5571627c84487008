"""The registries in proto/*.def: rows of one macro are unique by name and by number and sorted by number, and drops and errors are
named by a test.

A row is MACRO(name, number, …) or MACRO(name, …); a table is a run of rows with one macro. The rule "named by a test" holds for
drops.def and errors.def: a reason that no test names is a reason nobody has seen. Rows of the protocol registries are numbers of
other people's documents: whole registries are read by the round-trip tests of wire.
"""
import re
import sys

import tree

ROW = re.compile(r"^\s*([A-Z][A-Z0-9_]*)\(\s*([A-Za-z_]\w*)\s*(?:,\s*(0x[0-9A-Fa-f]+|\d+)\s*)?[,)]", re.M)
TESTED = ("drops.def", "errors.def")
# Rows whose cause cannot be produced by a test, each with its reason.
EXEMPT = {}


def _rows(text):
    text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match.group(0).count("\n"), text, flags=re.S)
    lines = ["" if line.lstrip().startswith(("//", "#")) else line for line in text.split("\n")]
    text = "\n".join(lines)
    for match in ROW.finditer(text):
        yield match.group(1), match.group(2), None if match.group(3) is None else int(match.group(3), 0), text.count("\n", 0, match.start(1)) + 1


def find(root):
    complaints = []
    tests = "\n".join(path.read_text(errors="replace") for path in tree.files(root, "*.cc", "*.h", "*.py", under=("tests",)))
    words = set(re.findall(r"\w+", tests))
    for path in sorted((root / "proto").glob("*.def")):
        names, numbers, last = {}, {}, {}
        if not any(_rows(path.read_text())):
            complaints.append(f"proto/{path.name}: no row was found")
        for macro, name, number, line in _rows(path.read_text()):
            where = f"proto/{path.name}:{line}"
            if name in names.setdefault(macro, {}):
                complaints.append(f"{where}: {macro}({name}) is there twice, first in line {names[macro][name]}")
            names[macro][name] = line
            if number is not None:
                if number in numbers.setdefault(macro, {}):
                    complaints.append(f"{where}: {macro}({name}) has the number {number} of {numbers[macro][number]}")
                numbers[macro][number] = name
                if macro in last and number < last[macro]:
                    complaints.append(f"{where}: {macro}({name}) is out of order: {number} after {last[macro]}")
                last[macro] = number
            if path.name in TESTED and name not in words and name not in EXEMPT:
                complaints.append(f"{where}: no test names {name}")
    return complaints


def self_test():
    good = {"proto/ikev2.def": "#ifndef NOTIFY\n#define NOTIFY(a, b, c, d)\n#endif\n// NOTIFY(X, 9, 1, 2)\nNOTIFY(A, 1, \"s\", \"t\")\nNOTIFY(B, 2, \"s\", \"t\")\nDH(A, 1, \"s\")\n"}
    tree.expect(find, good, None)
    tree.expect(find, {"proto/a.def": "X(A, 1, \"\")\nX(A, 2, \"\")\n"}, "is there twice")
    tree.expect(find, {"proto/a.def": "X(A, 1, \"\")\nX(B, 1, \"\")\n"}, "has the number 1 of A")
    tree.expect(find, {"proto/a.def": "// nothing\n"}, "no row")
    tree.expect(find, {"proto/a.def": "X(A, 2, \"\")\nX(B, 1, \"\")\n"}, "out of order")
    tree.expect(find, {"proto/drops.def": "DROP(replayed, \"text\")\n"}, "no test names replayed")
    tree.expect(find, {"proto/errors.def": "SP_ERROR(bad_tag, \"text\", \"drop\")\n"}, "no test names bad_tag")
    tree.expect(find, {"proto/drops.def": "DROP(replayed, \"text\")\n", "tests/unit/a_test.cc": "CHECK(Drop::replayed == d);\n"}, None)


if __name__ == "__main__":
    sys.exit(tree.main("check_tables", find, self_test))
