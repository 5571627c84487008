"""Every complete example in conf/*.toml is accepted by `sallyportd --check`. Usage: check_conf.py --daemon PROGRAM."""
import pathlib
import subprocess
import sys
import tempfile

import tree


def find(root, daemon):
    examples = sorted((root / "conf").glob("*.toml"))
    if not examples:
        return ["conf/ holds no example"]
    complaints = []
    for path in examples:
        done = subprocess.run([daemon, "--check", "--config", str(path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        if done.returncode != 0:
            complaints.append(f"{path.relative_to(root)}: {(done.stderr + done.stdout).strip()[:300]}")
    return complaints


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        strict = pathlib.Path(folder) / "strict"
        strict.write_text('#!/bin/sh\ngrep -q unknown "$3" && { echo "unknown key" >&2; exit 1; }\nexit 0\n')
        strict.chmod(0o755)
        tree.expect(lambda root: find(root, strict), {"conf/a.toml": "known = 1\n"}, None)
        tree.expect(lambda root: find(root, strict), {"conf/a.toml": "unknown = 1\n"}, "unknown key")
        tree.expect(lambda root: find(root, strict), {"src/a": ""}, "no example")


if __name__ == "__main__":
    program = sys.argv[sys.argv.index("--daemon") + 1] if "--daemon" in sys.argv else None
    if program is None and "--self-test" not in sys.argv:
        sys.exit("check_conf: --daemon PROGRAM is needed")
    sys.exit(tree.main("check_conf", lambda root: find(root, program), self_test))
