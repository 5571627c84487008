"""Other implementations, unpacked privately and never installed.

Their Debian packages are downloaded with apt-get and unpacked below build/peers/<set>; nothing outside that folder changes.
A program whose paths are compiled in (charon finds its plug-ins below /usr/lib) runs in a mount namespace of its own, in
which the unpacked tree is laid over /usr and /etc: see command().
A finished set carries a stamp naming the packages, so a second call returns at once.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("SALLYPORT_PEERS", ROOT / "build" / "peers"))
LIST = ROOT / "third_party" / "peers.txt"


class Unavailable(Exception):
    """The peer cannot be had here (no network, no apt, another distribution). The text says why."""


def known_sets():
    """name -> packages, from third_party/peers.txt."""
    sets = {}
    for line in LIST.read_text().splitlines():
        words = line.split("#")[0].split()
        if len(words) == 2:
            sets.setdefault(words[0], []).append(words[1])
    return sets


def _apt(arguments, cwd=None, options=()):
    if not shutil.which("apt-get"):
        raise Unavailable("no apt-get on this system")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    return subprocess.run(["apt-get", "-q", *options, *arguments], cwd=cwd, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _closure(packages):
    """The packages and those libraries of their dependencies that are not installed."""
    plan = _apt(["install", "-s", "--no-install-recommends", *packages])
    names = list(packages)
    for match in re.finditer(r"^Inst (\S+) (\[)?", plan.stdout, re.M):
        name, upgraded = match.groups()
        if name not in names and not upgraded and name.startswith("lib"):
            names.append(name)
    return names


def _download(packages, folder, options=()):
    done = _apt(["download", *packages], cwd=folder, options=options)
    if done.returncode != 0:
        last = [line for line in done.stdout.splitlines() if line.startswith("E:")] or done.stdout.splitlines()[-1:]
        raise Unavailable("apt-get download failed: " + "; ".join(last))


def fetch(name, say=lambda text: None):
    """Returns the folder with the unpacked set; downloads it the first time. Raises Unavailable."""
    if name == "wireguard-newest":
        return _fetch_newest_wireguard(say)
    sets = known_sets()
    if name not in sets:
        raise Unavailable(f"third_party/peers.txt has no set '{name}'; there are: {', '.join(sets)}")
    prefix = CACHE / name
    stamp = prefix / ".complete"
    if stamp.exists() and stamp.read_text().split() == sets[name]:
        return prefix
    say(f"peers: downloading {name} ({len(sets[name])} packages)")
    with tempfile.TemporaryDirectory() as folder:
        try:
            _download(_closure(sets[name]), folder)
        except Unavailable:
            _apt(["update"])
            _download(_closure(sets[name]), folder)
        _unpack(folder, prefix)
    stamp.write_text("\n".join(sets[name]) + "\n")
    say(f"peers: {name} is ready in {prefix}")
    return prefix


def _unpack(folder, prefix):
    fresh = prefix.with_name(prefix.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for package in sorted(pathlib.Path(folder).glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(package), str(fresh)], check=True)
    # Older packages carry /lib beside /usr/lib; the system they run on has one for both.
    for old in ("lib", "lib64", "bin", "sbin"):
        if (fresh / old).is_dir():
            shutil.copytree(fresh / old, fresh / "usr" / old, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(fresh / old)
    shutil.rmtree(prefix, ignore_errors=True)
    fresh.rename(prefix)


def _fetch_newest_wireguard(say):
    """wireguard-go of Debian unstable: one static program, taken with an apt configuration of its own."""
    prefix = CACHE / "wireguard-newest"
    stamp = prefix / ".complete"
    if stamp.exists():
        return prefix
    found = _apt(["indextargets", "--format", "$(REPO_URI) $(SIGNED_BY)", "Created-By: Packages"]).stdout.split("\n")
    mirrors = [line.split() for line in found if "/debian/" in line.split(" ")[0] + "/" and "security" not in line]
    if not mirrors:
        raise Unavailable("apt knows no Debian mirror")
    say("peers: downloading wireguard-go of unstable")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for sub in ("lists/partial", "archives/partial", "out"):
            (folder / sub).mkdir(parents=True)
        # An apt that does not know the variable prints it back.
        signed = mirrors[0][1] if mirrors[0][1:] and mirrors[0][1].startswith("/") else "/usr/share/keyrings/debian-archive-keyring.gpg"
        (folder / "sources.list").write_text(f"deb [signed-by={signed}] {mirrors[0][0]} sid main\n")
        options = ["-o", f"Dir::Etc::sourcelist={folder}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
                   "-o", f"Dir::State::Lists={folder}/lists", "-o", f"Dir::Cache={folder}", "-o", "APT::Sandbox::User=root",
                   "-o", "Acquire::Languages=none"]
        updated = _apt(["update"], options=options)
        if updated.returncode != 0:
            raise Unavailable("apt-get update for unstable failed: " + updated.stdout.strip().splitlines()[-1])
        _download(["wireguard-go"], folder / "out", options)
        _unpack(folder / "out", prefix)
    stamp.write_text("wireguard-go\n")
    say(f"peers: wireguard-newest is ready in {prefix}")
    return prefix


def command(prefix, argv, run_dir, etc=None):
    """The argv that runs `argv` with the unpacked tree laid over /usr, private /run and (with `etc`) files over /etc.

    The caller's mount table is untouched: everything happens in a mount namespace that ends with the process.
    run_dir: becomes the process's /run. etc: folder whose contents are laid over the packages' own /etc.
    """
    script = r"""
set -e
mount --make-rprivate / 2>/dev/null || true
mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr
if [ -n "$3" ]; then mount -t overlay overlay -o "lowerdir=$3:$1/etc:/etc" /etc
else mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc; fi
mount --bind "$2" /run
shift 3
exec "$@"
"""
    return ["unshare", "-m", "--propagation", "unchanged", "/bin/sh", "-c", script, "sh", str(prefix), str(run_dir),
            str(etc or ""), *argv]
