"""No source file is longer than 800 lines. Files over 500 are listed, without failing."""
import sys

import tree

CEILING, WISH = 800, 500
# Files that may be longer, each with its reason. Short, and shrinking.
EXEMPT = {}


def find(root):
    complaints = []
    for path in tree.files(root, "*.h", "*.cc", "*.py", "*.def", "*.proto", under=("src", "include", "tests", "bench", "proto")):
        lines = path.read_bytes().count(b"\n")
        name = str(path.relative_to(root))
        if lines > CEILING and name not in EXEMPT:
            complaints.append(f"{name}: {lines} lines, more than {CEILING}; a new behaviour is a new file")
        elif lines > WISH and root == tree.ROOT:
            print(f"check_size: (note) {name}: {lines} lines")
    return complaints


def self_test():
    tree.expect(find, {"src/base/a.cc": "\n" * 800}, None)
    tree.expect(find, {"src/base/a.cc": "\n" * 801}, "801 lines")


if __name__ == "__main__":
    sys.exit(tree.main("check_size", find, self_test))
