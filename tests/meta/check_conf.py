"""Every complete example in conf/*.toml is accepted by `sallyportd --check`. Usage: check_conf.py --daemon PROGRAM."""
import pathlib
import re
import subprocess
import sys
import tempfile

import tree


def find(root, daemon):
    examples = sorted((root / "conf").glob("*.toml"))
    if not examples:
        return ["conf/ holds no example"]
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        for path in examples:
            copy = pathlib.Path(folder) / path.name
            copy.write_text(path.read_text())
            make_files(copy)
            done = subprocess.run([daemon, "--check", "--config", str(copy)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
            if done.returncode != 0:
                complaints.append(f"{path.relative_to(root)}: {(done.stderr + done.stdout).strip()[:300]}")
    return complaints


def make_files(config):
    """Puts a certificate, key or secret beside the copy under every name that the example gives to one."""
    names = re.findall(r'"([\w.-]+\.(?:pem|key|psk))"', config.read_text())
    if any(name.endswith(".pem") for name in names):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=east.example",
                        "-addext", "subjectAltName=DNS:east.example", "-keyout", config.parent / "made.k", "-out", config.parent / "made.c"],
                       check=True, stdin=subprocess.DEVNULL, capture_output=True)
    for name in names:
        made = config.parent / name
        source = {".pem": "made.c", ".key": "made.k"}.get(made.suffix)
        made.write_bytes((config.parent / source).read_bytes() if source else b"a secret of some length\n")
        made.chmod(0o600)


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
