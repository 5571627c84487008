"""Every C++ file is laid out as clang-format 14 lays it out with the repository's .clang-format. `script/format` repairs."""
import re
import shutil
import subprocess
import sys

import tree

TOOL = "clang-format-14"
STYLE = "BasedOnStyle: Google\n"


def find(root):
    program = shutil.which(TOOL)
    if not program:
        return [f"{TOOL} is not installed (script/bootstrap test)"]
    paths = tree.files(root, "*.h", "*.cc")
    if not paths:
        return []
    complaints = []
    for start in range(0, len(paths), 64):
        done = subprocess.run([program, "--dry-run", *map(str, paths[start:start + 64])], capture_output=True, text=True, cwd=root)
        bad = {match.group(1) for match in re.finditer(r"^(.+?):\d+:\d+: warning: code should be clang-formatted", done.stderr, re.M)}
        complaints += [f"{name.removeprefix(str(root) + '/')}: run script/format" for name in sorted(bad)]
        if done.returncode != 0:
            complaints.append(done.stderr.strip()[:300])
    return complaints


def self_test():
    tree.expect(find, {".clang-format": STYLE, "src/base/a.cc": "int f() { return 1; }\n"}, None)
    tree.expect(find, {".clang-format": STYLE, "src/base/a.cc": "int  f( ){return 1 ;}\n"}, "src/base/a.cc: run script/format")


if __name__ == "__main__":
    sys.exit(tree.main("check_format", find, self_test))
