"""`cmake --install` into an empty folder lays down what a system needs, and nothing outside its places.

Usage: check_install.py --build FOLDER
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import tree

NEEDED = ("sbin/sallyportd", "bin/sallyport", "lib/systemd/system/sallyportd.service", "lib/sysusers.d/sallyport.conf",
          "lib/libsallyport.so", "lib/pkgconfig/sallyport.pc", "include/sallyport/windows/fwpmu.h",
          "include/sallyport/windows/winsock2.h", "include/sallyport/windows/WinSock2.h",
          "share/man/man8/sallyportd.8", "share/man/man1/sallyport.1", "share/man/man5/sallyport.toml.5")
PLACES = ("sbin", "bin", "lib", "share", "include")


def judge(prefix):
    """Complaints about a finished installation below prefix."""
    laid = sorted(path.relative_to(prefix) for path in prefix.rglob("*") if path.is_file())
    complaints = [f"{name} was not installed" for name in NEEDED if pathlib.Path(name) not in laid]
    complaints += [f"{path} lies in no known place" for path in laid if path.parts[0] not in PLACES]
    unit = prefix / "lib/systemd/system/sallyportd.service"
    if unit.exists() and "@" in "".join(line for line in unit.read_text().splitlines() if line.startswith("Exec")):
        complaints.append("the unit's ExecStart holds an unreplaced @word@")
    return complaints


def find(build):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["cmake", "--install", str(build)], env=dict(os.environ, DESTDIR=folder), capture_output=True, text=True)
        if done.returncode != 0:
            return [done.stderr.strip()[:400]]
        prefix = pathlib.Path(folder) / "usr" / "local"
        return judge(prefix)


def self_test():
    good = {name: "" for name in NEEDED}
    tree.expect(judge, good, None)
    tree.expect(judge, {name: "" for name in NEEDED[1:]}, "sbin/sallyportd was not installed")
    tree.expect(judge, {**good, "etc/rc.local": ""}, "no known place")
    tree.expect(judge, {**good, NEEDED[2]: "ExecStart=@SALLYPORTD@\n"}, "unreplaced")


if __name__ == "__main__":
    build = sys.argv[sys.argv.index("--build") + 1] if "--build" in sys.argv else tree.ROOT / "build" / "release"
    sys.exit(tree.main("check_install", lambda _root: find(build), self_test))
