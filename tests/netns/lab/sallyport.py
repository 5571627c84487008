"""sallyportd under test: configuration written from a Connection, started in a host's namespace, driven by the command."""
import json
import os
import pathlib
import signal

from .space import end_process, is_v6, wait_until
from .traffic import BUILD


def program(name):
    """The built program, or None."""
    for path in (BUILD / "src" / "daemon" / name, BUILD / "src" / "cli" / name, BUILD / name):
        if path.is_file():
            return path
    return next(iter(sorted(p for p in BUILD.glob(f"**/{name}") if p.is_file())), None) if BUILD.exists() else None


def available():
    """None when both programs are built, else the reason."""
    lacking = [name for name in ("sallyportd", "sallyport") if program(name) is None]
    return f"{' and '.join(lacking)} not built in {BUILD}" if lacking else None


def _toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(str(value))


def configuration(connection, side, folder, socket, start="none", device="tun", key_log=None, ports=None, extra="", daemon=""):
    """The text of the configuration file; the only place that knows its syntax. Secrets go into files in `folder`."""
    me, peer = connection.end(side), connection.other(side)
    local = {"address": me.address, "id": me.identity}
    remote = {"address": peer.address, "id": peer.identity}
    if side == "east" and not connection.east_knows_itself:
        del local["address"]
    if side == "west" and not connection.west_knows_east:
        remote["address"] = "any"
    if connection.auth == "psk":
        secret = folder / "peer.psk"
        secret.write_text(connection.secret + "\n")
        secret.chmod(0o600)
        auth = {"method": "psk", "secret": secret}
    else:
        auth = {"method": "cert", "certificate": me.certificate, "key": me.key, "ca": connection.ca}
    # Any user without rights does for the worker; the packaged one need not exist where tests run.
    lines = ["[daemon]", f"control = {_toml(str(socket))}", 'user = "nobody"']
    if key_log:
        lines += [f"key_log = {_toml(str(key_log))}"]
    if "policy_store" not in daemon:
        lines += ['policy_store = "none"']
    if not connection.prefer_udp:
        lines += ["prefer_udp = false"]
    if daemon:
        lines += [daemon]
    if ports:
        # Both daemons on one host: each listens on ports of its own and knows the peer's.
        other = ports["west" if side == "east" else "east"]
        lines += [f"ports = {_toml({'ike': ports[side][0], 'natt': ports[side][1], 'peer_natt': other[1]})}"]
        remote["port"] = other[0]
    lines += ["", "[device]", f"type = {_toml(device)}"]
    if not connection.offloads:
        lines += ["offloads = false"]
    if device == "internal":
        lines += [f"address = {_toml([net.split('/')[0] for net in me.nets])}"]
    lines += ["", f"[connection.{connection.name}]", f"local = {_toml(local)}", f"remote = {_toml(remote)}", f"auth = {_toml(auth)}",
              f"ike = {_toml([connection.ike])}"]
    if me.user:
        lines += [f"local_user = {_toml({'certificate': me.user_certificate, 'key': me.user_key, 'id': me.user})}"]
    if peer.user:
        lines += [f"remote_user = {_toml({'ca': connection.user_ca, 'id': peer.user})}"]
    # Without a number the daemon's defaults hold: hours, which no test waits for.
    if connection.ike_seconds:
        lines += [f'rekey = "{connection.ike_seconds}s"']
    if connection.dpd:
        # Test settings: an absent peer is noticed within seconds.
        lines += [f'dpd = "{connection.dpd}s"', 'retransmit = { timeout = "300ms", tries = 2 }', 'retry = "500ms"']
    if connection.encap:
        lines += ["force_encap = true"]
    if start == "up":
        lines += ["keep_up = true"]
    child = {"local": me.nets, "remote": peer.nets, "esp": [connection.esp], "start": start}
    if connection.child_seconds:
        child["rekey"] = f"{connection.child_seconds}s"
    child |= connection.child
    lines += ["", f"[connection.{connection.name}.child.net]"]
    lines += [f"{key} = {_toml(value)}" for key, value in child.items() if value is not None]
    return "\n".join(lines) + "\n" + extra


class Sallyport:
    """One daemon. side: which end of the Connection it plays."""

    def __init__(self, host, connection, side, start="none", device="tun", key_log=False, ports=None, extra="", daemon=""):
        self.host, self.connection, self.side = host, connection, side
        self.folder = host.folder / "sallyport"
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self.socket = self.folder / "control.sock"
        self.keys = self.folder / "keys" if key_log else None
        if self.keys:
            self.keys.mkdir(exist_ok=True, mode=0o700)
        self.start_mode, self.device, self.ports, self.extra = start, device, ports, extra
        self.daemon_extra = daemon
        self.file = self.folder / "sallyport.toml"
        self.process = None
        self.write(connection)

    def write(self, connection):
        self.connection = connection
        self.file.write_text(configuration(connection, self.side, self.folder, self.socket, self.start_mode, self.device, self.keys,
                                           self.ports, self.extra, self.daemon_extra))
        self.file.chmod(0o600)

    def start(self, wrap=()):
        """wrap: words before the daemon's own, of a program that becomes it."""
        self.socket.unlink(missing_ok=True)
        self.process = self.host.start([*wrap, *self.daemon_words()], log="sallyportd.log")

        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"sallyportd ended at once with {self.process.returncode}:\n{self.tail()}")
            return self.socket.exists()
        wait_until(ready, 10, "sallyportd's control socket")
        return self

    def stop(self):
        if self.process:
            end_process(self.process)
            self.process = None

    def kill(self):
        """kill -9 of the whole daemon, all its processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def daemon_words(self):
        return [program("sallyportd"), "--config", self.file]

    def words(self, *words):
        return [program("sallyport"), "--socket", self.socket, *words]
    def worker(self):
        """The process that parses the network, or None where there is only one process."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        found = [int(word) for word in children.read_text().split()] if children.exists() else []
        return found[-1] if len(found) >= 3 else None

    def command(self, *words, check=False, timeout=30):
        return self.host.run(self.words(*words), check=check, timeout=timeout)

    def up(self, timeout=20):
        return self.command("up", self.connection.name, timeout=timeout + 10)

    def down(self, child_only=False):
        name = self.connection.name
        return self.command("down", f"{name}.net" if child_only else name)

    def rekey(self, what):
        """what: "child" or "ike"."""
        words = ["rekey", self.connection.name] if what == "ike" else ["rekey", f"{self.connection.name}.net"]
        return self.command(*words, check=True)

    def status(self):
        done = self.command("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def tail(self, lines=60):
        path = self.host.folder / "sallyportd.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"
