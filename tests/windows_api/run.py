"""A program that knows only the documented interface, against a real daemon: configurations come back unchanged, dynamic
objects die with their program, the unprivileged are refused, persistent policy survives restarts and damage.

Usage: run.py SALLYPORTD PROGRAM LIBRARY. Needs no rights; as root it also tries another user and the daemon in several
processes. Standard library only.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = ROOT / "include/sallyport/windows"
PATIENCE = 60  # seconds until something that should happen has not happened
NOBODY = 65534


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


class Daemon:
    """One sallyportd with a configuration of its own below `folder`."""
    running = []

    def __init__(self, binary, folder, split=False, store="policy.store", group=None):
        self.binary, self.folder = binary, folder
        self.socket, self.store = folder / "control.sock", folder / store
        self.log_file = folder / "log"
        self.ike_port = free_port()
        lines = [f'control = "{self.socket}"', f"split = {'true' if split else 'false'}",
                 f"ports = {{ ike = {self.ike_port}, natt = {free_port()} }}", 'user = "nobody"',
                 f'policy_store = "{self.store if store != "none" else "none"}"',
                 f'log = {{ level = "info", file = "{self.log_file}", stderr = false }}']
        if group:
            lines.append(f'control_group = "{group}"')
        self.config = folder / "sallyport.toml"
        self.config.write_text("[daemon]\n" + "\n".join(lines) + '\n[device]\ntype = "internal"\naddress = ["10.9.0.1"]\n')
        self.process = None

    def start(self):
        self.log_file.unlink(missing_ok=True)
        self.process = subprocess.Popen([self.binary, "--config", str(self.config)], stderr=subprocess.PIPE, text=True)
        Daemon.running.append(self.process)
        until(lambda: self.socket.exists() and "runs" in self.log() or self.process.poll() is not None, "the daemon has started")
        if self.process.poll() is not None:
            raise AssertionError("the daemon ended: " + self.process.stderr.read())
        return self

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self.process.stderr.close()

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def program(self, program, *words, user=None, **more):
        argv = dict(env=dict(os.environ, SALLYPORT_SOCKET=str(self.socket)), text=True, **more)
        if user is not None:
            argv.update(user=user, group=user, extra_groups=[])
        return subprocess.Popen([program, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE, **argv)

    def ask(self, program, *words, user=None):
        running = self.program(program, *words, user=user)
        out, complaints = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0, f"{' '.join(words)}: exit {running.returncode}\n{complaints}"
        return out.strip()


def until(fact, what):
    end = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < end, f"it never came so far that {what}"
        time.sleep(0.02)


def check_library(library):
    """What the headers declare is in the library, and nothing else is to be seen of it."""
    declared = set(re.findall(r"^extern const GUID (\w+);", (HEADERS / "fwpmguids.h").read_text(), re.M))
    text = "\n".join(path.read_text() for path in HEADERS.glob("*.h"))
    declared |= set(re.findall(r"\b(?:WINAPI|WSAAPI|RPC_ENTRY)\s+(\w+)\(", text))
    declared |= {"sallyport_winsock_" + name for name in re.findall(r"SALLYPORT_AS\((\w+)\);", text)}
    for name in ("msvcrt.h", "process.h"):  # those of the run-time library have no such word
        declared |= set(re.findall(r"^[\w*]+ (?:[\w*]+ )?(\w+)\(", (HEADERS / name).read_text(), re.M))
    sockets = (HEADERS.parent / "secure_socket.h").read_text() + (HEADERS / "mstcpip.h").read_text()
    declared |= set(re.findall(r"\b(sallyport_\w+)\(", sockets))
    declared |= {"main", "GUID_NULL", "sallyport_winsock_connect_ex"}  # for wmain(); behind ConnectEx
    listed = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    exported = {line.split()[2].split("@")[0] for line in listed.splitlines() if line.split()[1] in "TtRrDdBbVvWw"}
    assert len(declared) > 300, len(declared)
    assert not declared - exported, f"declared and not there: {sorted(declared - exported)}"
    assert not exported - declared, f"to be seen and not declared: {sorted(exported - declared)[:20]}"


def unacceptable_proposal():
    """IKE_SA_INIT that offers 3DES and a small group (RFC 7296 1.2, 3.3)."""
    def payload(following, body):
        return bytes([following, 0]) + (len(body) + 4).to_bytes(2, "big") + body
    transforms = [(1, 3), (2, 2), (3, 2), (4, 2)]  # ENCR_3DES, PRF_HMAC_SHA1, AUTH_HMAC_SHA1_96, 1024-bit MODP
    rows = b"".join(bytes([3 if at < 3 else 0, 0, 0, 8, kind, 0, 0, number]) for at, (kind, number) in enumerate(transforms))
    proposal = bytes([0, 0]) + (len(rows) + 8).to_bytes(2, "big") + bytes([1, 1, 0, len(transforms)]) + rows
    key = (2).to_bytes(2, "big") + bytes(2) + os.urandom(128)
    body = payload(34, proposal) + payload(40, key) + payload(0, os.urandom(32))
    return os.urandom(8) + bytes(8) + bytes([33, 0x20, 34, 0x08]) + bytes(4) + (len(body) + 28).to_bytes(4, "big") + body


def case_interface(binary, program, folder):
    daemon = Daemon(binary, folder).start()
    before = daemon.ask(program, "count")
    for what in ("transport", "tunnel", "isolation", "manual-sa", "objects", "errors", "sessions", "notices", "security", "watchers"):
        daemon.ask(program, what)
        assert daemon.ask(program, "count") == before, f"{what} has left something behind"
    # A stranger's proposal that nothing here accepts is a net event.
    watching = daemon.program(program, "net-events")
    assert watching.stdout.readline().strip() == "ready"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(unacceptable_proposal(), ("127.0.0.1", daemon.ike_port))
    _, complaints = watching.communicate("\n", timeout=PATIENCE)
    assert watching.returncode == 0, complaints
    # A dynamic session ends with its program, however that ends.
    running = daemon.program(program, "dynamic")
    assert running.stdout.readline().strip() == "ready"
    assert daemon.ask(program, "count").split()[2] == "3"
    running.kill()
    running.communicate()
    until(lambda: daemon.ask(program, "count") == before, "the objects of the killed program are gone")
    # And a session with the daemon.
    orphan = daemon.program(program, "orphan")
    assert orphan.stdout.readline().strip() == "ready"
    daemon.stop(signal.SIGKILL)
    _, complaints = orphan.communicate("\n", timeout=PATIENCE)
    assert orphan.returncode == 0, complaints
    daemon.socket.unlink(missing_ok=True)
    daemon.ask(program, "no-daemon")


def case_store(binary, program, folder, split=False):
    daemon = Daemon(binary, folder, split).start()
    assert daemon.ask(program, "count").split()[3] == "0"
    daemon.ask(program, "persist")
    daemon.stop()  # what is not written yet is written now
    assert daemon.store.exists() and daemon.store.stat().st_mode & 0o777 == 0o600
    daemon.start()
    assert daemon.ask(program, "count").split()[3] == "3"
    first = daemon.store.read_bytes()
    daemon.ask(program, "persist-more")
    until(lambda: daemon.store.read_bytes() != first, "the store is written")
    daemon.stop(signal.SIGKILL)
    if split:
        until(lambda: not children_of(daemon.process.pid), "the processes have ended")
    daemon.socket.unlink(missing_ok=True)
    daemon.start()
    assert daemon.ask(program, "more-there") == "3"
    if split:  # the worker gets its policy again
        worker = [pid for pid, name in children_of(daemon.process.pid).items() if name == "sallyport-work"]
        os.kill(worker[0], signal.SIGKILL)
        until(lambda: "started again" in daemon.log(), "the worker is started again")
        assert daemon.ask(program, "more-there") == "3"
    daemon.stop()

    # Damaged: the one before it is in force, and the log says so. Cut: the same.
    newest = daemon.store.read_bytes()
    previous = pathlib.Path(str(daemon.store) + ".previous")
    assert previous.read_bytes() == first
    flipped = newest[:100] + bytes([newest[100] ^ 1]) + newest[101:]
    for bad in (flipped, newest[:len(newest) // 2], b""):
        daemon.store.write_bytes(bad)
        if not bad:
            daemon.store.unlink()
        previous.write_bytes(first)
        daemon.start()
        assert daemon.ask(program, "more-there") == "0" and daemon.ask(program, "count").split()[3] == "3"
        assert "the store before the newest is in force" in daemon.log(), daemon.log()
        assert not bad or "is damaged" in daemon.log(), daemon.log()
        if bad:
            until(lambda: not daemon.store.exists(), "the damaged store is set aside")
        daemon.stop()
    # Neither can be read: closed, not open.
    daemon.store.write_bytes(newest[:100])
    previous.write_bytes(b"SPPOLICY")
    daemon.start()
    sealed = int(daemon.ask(program, "count").split()[0])
    assert "blocks everything" in daemon.log() and daemon.ask(program, "count").split()[3] == "0"
    daemon.stop()
    for path in folder.glob("policy.store*"):
        path.unlink()
    daemon.start()
    assert sealed == int(daemon.ask(program, "count").split()[0]) + 6
    daemon.stop()


def case_settings(binary, program, folder):
    daemon = Daemon(binary, folder).start()
    assert daemon.ask(program, "settings-kept") == "0" and not daemon.store.exists()
    daemon.ask(program, "settings")
    until(daemon.store.exists, "the settings are written")
    daemon.stop()
    daemon.start()
    assert daemon.ask(program, "settings-kept") == "3"
    daemon.stop()


def case_no_store(binary, program, folder):
    daemon = Daemon(binary, folder, store="none").start()
    daemon.ask(program, "not-kept")
    daemon.stop()


def case_unprivileged(binary, program, folder):
    daemon = Daemon(binary, folder).start()
    daemon.ask(program, "no-socket-rights", user=NOBODY)
    daemon.stop()
    daemon = Daemon(binary, folder, group="nogroup").start()
    daemon.ask(program, "refused", user=NOBODY)
    daemon.stop()


def case_processes(binary, program, folder):
    case_store(binary, program, folder, split=True)
    daemon = Daemon(binary, folder, split=True).start()
    for what in ("transport", "notices"):
        daemon.ask(program, what)
    daemon.stop()


def children_of(parent):
    out = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        name, rest = re.match(r"\d+ \((.*)\) (.*)", text, re.S).groups()
        if int(rest.split()[1]) == parent and rest[0] != "Z":
            out[int(path.parent.name)] = name
    return out


def main():
    binary, program, library = sys.argv[1:4]
    check_library(library)
    cases = [case_interface, case_store, case_settings, case_no_store]
    if os.geteuid() == 0:
        cases += [case_unprivileged, case_processes]
    else:
        print("not root: neither another user nor several processes are tried")
    try:
        for case in cases:
            with tempfile.TemporaryDirectory() as name:
                folder = pathlib.Path(name)
                folder.chmod(0o755)
                case(binary, program, folder)
            print(f"{case.__name__[5:]}: ok", flush=True)
    finally:
        for process in Daemon.running:
            if process.poll() is None:
                process.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
