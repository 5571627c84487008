"""What the checks of this folder share: where the repository is, its files, and the shape of a check.

A check is a module with find(root) -> list of complaints and self_test(), which builds small bad trees and asserts that
find() complains about each, so that a check that cannot fail is noticed. main() runs the self-test first, then the check.
Standard library only.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Rooms of the house in order; each may include itself and these.
ARROWS = {
    "base": set(),
    "model": {"base"},
    "crypto": {"base", "model"},
    "wire": {"base", "model"},
    "ctl": {"base", "model"},
    "ike": {"base", "model", "crypto", "wire"},
    "ipsec": {"base", "model", "crypto", "wire"},
    "policy": {"base", "model"},
    "config": {"base", "model"},
    "stack": {"base", "model", "crypto", "wire", "ctl", "ike", "ipsec", "policy", "config"},
    # The driver carries the values of these rooms, and implements their interfaces to files and logs.
    "runtime": {"base", "model", "ctl", "ike", "ipsec", "policy", "config", "stack"},
    "daemon": {"base", "model", "crypto", "wire", "ctl", "ike", "ipsec", "policy", "config", "stack", "runtime"},
    # The archive form of policy objects is the same on both ends of the control socket.
    "api": {"base", "model", "ctl", "policy"},
    "cli": {"base", "api", "ctl"},
}


def files(root, *patterns, under=("src", "include", "tests", "bench")):
    """Sorted files below the named folders that match one of the patterns."""
    found = set()
    for folder in under:
        for pattern in patterns:
            found.update(path for path in (root / folder).rglob(pattern) if path.is_file())
    return sorted(path for path in found if "build" not in path.relative_to(root).parts)


def tracked(root):
    """Files that belong to the repository: git's list where there is one, else everything but build output."""
    if not shutil.which("git"):
        listed = subprocess.CompletedProcess([], 1, "", "")
    else:
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return sorted(path for path in (root / name for name in listed.stdout.split("\0") if name) if path.is_file())
    return sorted(path for path in root.rglob("*") if path.is_file()
                  and not {".git", "build", "__pycache__"} & set(path.relative_to(root).parts))


def lay(contents):
    """A temporary tree from {path: text}; returns the TemporaryDirectory (keep it) and its path."""
    folder = tempfile.TemporaryDirectory()
    for name, text in contents.items():
        path = pathlib.Path(folder.name) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder, pathlib.Path(folder.name)


def expect(find, contents, fragment):
    """Asserts that find() on the tree complains with a line that holds `fragment`; with fragment None: does not complain."""
    folder, root = lay(contents)
    with folder:
        complaints = find(root)
    if fragment is None:
        assert not complaints, f"self-test: a good tree was refused: {complaints}"
    else:
        assert any(fragment in line for line in complaints), f"self-test: no complaint holds '{fragment}': {complaints}"


def main(name, find, self_test, root=None):
    self_test()
    if "--self-test" in sys.argv[1:]:
        print(f"{name}: the self-test passed")
        return 0
    complaints = find(root or ROOT)
    for line in complaints:
        print(f"{name}: {line}")
    print(f"{name}: {'%d complaint(s)' % len(complaints) if complaints else 'ok'}")
    return 1 if complaints else 0
