"""AH, and transport mode between two hosts: real traffic, what the wire held, and scapy's verdict on it.

Every host pair also refuses clear packets of its selectors, in both directions, while the SA stands and while it does not.
"""
import dataclasses
import subprocess
import sys
import time

from . import capture, judges
from .closed import FORGE, PORT, _forged
from .connection import Connection, End
from .sallyport import Sallyport
from .space import Lab, Plan, wait_until
from .traffic import Flow

TALKERS = """
import hashlib, socket, sys
verb, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
blob = bytes(i * 7 % 251 for i in range(40000))
if verb == "serve":
    s = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    print("bound", flush=True)
    while True:
        c, _ = s.accept()
        c.settimeout(10)
        got = b""
        while len(got) < len(blob):
            piece = c.recv(65536)
            if not piece:
                break
            got += piece
        c.sendall(hashlib.sha256(got).digest())
        c.close()
else:
    c = socket.create_connection((address, port), timeout=10)
    c.sendall(blob)
    got = b""
    while len(got) < 32:
        got += c.recv(32)
    print("right" if got == hashlib.sha256(blob).digest() else "wrong")
"""

HOP_BY_HOP = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(8)
if sys.argv[1] == "serve":
    s.setsockopt(41, 53, 1)
    s.bind((sys.argv[2], 7400))
    print("bound", flush=True)
    data, told, _, _ = s.recvmsg(100, 1000)
    print(data, *(value.hex() for level, kind, value in told if (level, kind) == (41, 54)), flush=True)
else:
    s.setsockopt(41, 54, bytes.fromhex("00003e02aabb0100"))
    s.sendto(b"with options", (sys.argv[2], 7400))
"""


class Failure(Exception):
    """One sentence about what was expected and what was seen."""


@dataclasses.dataclass
class Mode:
    """kind: "tunnel" (networks behind both hosts) or "host". children: (name, keys of the child) in the order of the file.
    kinds: what the wire must hold besides IKE. nat: a router translates east. workers: packet workers of each daemon."""
    name: str
    kind: str
    outer: str
    children: tuple
    kinds: tuple
    nat: bool = False
    encap: bool = False
    workers: int = 1
    prefer_udp: bool = False


def _child(**keys):
    return tuple(keys.items())


TRANSPORT = {"mode": "transport", "local": None, "remote": None}


def _transport(name, outer, kinds, nat=False, encap=False, prefer_udp=False, **keys):
    return Mode(name, "host", outer, (("net", {**TRANSPORT, **keys}),), kinds, nat, encap, prefer_udp=prefer_udp)


def _ah(words):
    return {"ah": [words], "esp": None}


def _bundle(outer):
    # All that the hosts say to each other in ESP, and the ESP in AH.
    secret = {**TRANSPORT, "esp": ["aes128gcm16-esn"], "inside": "header"}
    header = {**TRANSPORT, **_ah("sha256-esn"), "local": ["[50]"], "remote": ["[50]"]}
    return Mode(f"ah-bundle-{outer}", "host", outer, (("header", header), ("net", secret)), ("ah",))


MODES = [
    Mode("ah-tunnel-v4", "tunnel", "v4", (("net", _ah("sha256")),), ("ah",)),
    Mode("ah-tunnel-v6", "tunnel", "v6", (("net", _ah("sha512-esn")),), ("ah",)),
    _transport("ah-transport-v4", "v4", ("ah",), **_ah("sha1")),
    _transport("ah-transport-v6", "v6", ("ah",), **_ah("aescmac")),
    _bundle("v4"),
    _bundle("v6"),
    _transport("transport-v4", "v4", ("esp",)),
    _transport("transport-v6", "v6", ("esp",), esp=["aes256-sha256"]),
    # What UDP does not carry whole (large, or with options) goes as protocol 50.
    _transport("transport-v4-prefer-udp", "v4", ("esp-udp", "esp"), prefer_udp=True),
    _transport("transport-v6-prefer-udp", "v6", ("esp-udp", "esp"), prefer_udp=True),
    _transport("transport-v4-encap", "v4", ("esp-udp",), encap=True, esp=["chacha20poly1305"]),
    _transport("transport-v6-encap", "v6", ("esp-udp",), encap=True),
    _transport("transport-v4-nat", "v4", ("esp-udp",), nat=True),
    _transport("transport-v6-nat", "v6", ("esp-udp",), nat=True),
]


class Stage:
    def __init__(self, lab, mode):
        self.lab, self.mode = lab, mode
        self.plan = plan = Plan(lab, mode.outer, mode.nat)
        plan.cut_before_the_wire()
        host = mode.kind == "host"
        # Each side names the other as it sees it.
        self.pair = {"east": plan.east_address, "west": plan.west_address} if host else {side: plan.inner(side) for side in ("east", "west")}
        east = End("east.example", plan.east_address, plan.nets["east"])
        west = End("west.example", plan.west_address, plan.nets["west"])
        self.ends = {}
        for side in ("west", "east"):
            connection = Connection(east, west, encap=mode.encap, prefer_udp=mode.prefer_udp, offloads=False)
            if side == "west" and mode.nat:
                connection.east = End("east.example", plan.east_seen_as, plan.nets["east"])
            first, *others = mode.children[::-1]
            connection.child = dict(first[1])
            extra = "".join(self._extra(connection, side, name, keys) for name, keys in others)
            self.ends[side] = Sallyport(plan.host(side), connection, side, key_log=True, extra=extra, daemon=f"workers = {mode.workers}")

    def _extra(self, connection, side, name, keys):
        from .sallyport import _toml
        lines = ["", f"[connection.{connection.name}.child.{name}]"]
        return "\n".join(lines + [f"{key} = {_toml(value)}" for key, value in keys.items() if value is not None]) + "\n"

    def seen_by(self, side):
        """The address by which `side` reaches the other."""
        if side == "east":
            return self.pair["west"]
        return self.plan.east_seen_as if self.mode.kind == "host" else self.pair["east"]

    def ping(self, side, count=3, size=56, source=True):
        return self.plan.host(side).ping(self.seen_by(side), count=count, size=size, source=self.pair[side] if source else None)

    # Traffic

    def require_pings(self, when):
        for side in ("east", "west"):
            # The last one in fragments: those of UDP between protected addresses are clear packets to the filter (docs/fail-closed.md).
            for size in (56, 1200, 1330 if self.mode.kinds == ("esp-udp",) else 3000):
                answered = self.ping(side, 2, size)
                if answered != 2:
                    raise Failure(f"{when}: {answered} of 2 echo requests of {size} octets from {side} were answered")

    def require_traffic(self, when):
        self.require_pings(when)
        for server, client in (("west", "east"), ("east", "west")):
            port = 7100 if server == "west" else 7101
            served = self.plan.host(server).start([sys.executable, "-c", TALKERS, "serve", self.pair[server], port], stdout=subprocess.PIPE, text=True)
            served.stdout.readline()
            try:
                said = self.plan.host(client).run([sys.executable, "-c", TALKERS, "ask", self.seen_by(client), port], check=False, timeout=40)
            except subprocess.TimeoutExpired:
                raise Failure(f"{when}: TCP from {client} stood still") from None
            if said.stdout.strip() != "right":
                raise Failure(f"{when}: TCP from {client}: {said.stdout}{said.stderr[-300:]}")
        self._udp(when)

    def require_options(self, when):
        """Options of the IP header travel with it: record route over IPv4, a hop-by-hop option whose data may change over IPv6."""
        for side, other in (("east", "west"), ("west", "east")):
            host = self.plan.host(side)
            if self.mode.outer == "v4":
                said = host.run(["ping", "-n", "-R", "-c", "1", "-W", "2", "-I", self.pair[side], self.seen_by(side)], check=False).stdout
                if " 1 received" not in said or "RR:" not in said:
                    raise Failure(f"{when}: a ping of {side} that records its route came back so: {said}")
                continue
            server = self.plan.host(other).start([sys.executable, "-c", HOP_BY_HOP, "serve", self.pair[other]], stdout=subprocess.PIPE, text=True)
            server.stdout.readline()
            host.run([sys.executable, "-c", HOP_BY_HOP, "send", self.seen_by(side)])
            got = server.communicate(timeout=20)[0].strip()
            if got != "b'with options' 11003e02aabb0100":
                raise Failure(f"{when}: a datagram of {side} with a hop-by-hop option arrived as: {got}")

    def _udp(self, when):
        plan = self.plan
        if self.mode.nat:
            # Each end knows the other by another address, which seqflow does not: one datagram each way, echoed.
            self._echo(when)
            return
        flow = Flow(plan.east, plan.west, self.pair["east"], self.pair["west"], pps=60, seconds=0.7, settle=0.4, largest=1300)
        for way, count in zip(("east to west", "west to east"), flow.finish()):
            if count.lost or count.corrupt or not count.sent:
                raise Failure(f"{when}: UDP {way}: {count.sent} sent, {count.lost} lost, {count.corrupt} damaged")

    def _echo(self, when):
        code = ("import socket, sys\nf = socket.AF_INET6 if ':' in sys.argv[2] else socket.AF_INET\ns = socket.socket(f, socket.SOCK_DGRAM)\n"
                "s.settimeout(8)\n"
                "if sys.argv[1] == 'echo':\n  s.bind((sys.argv[2], 7300)); print('bound', flush=True)\n"
                "  while True:\n    d, a = s.recvfrom(9000); s.sendto(d, a)\n"
                "else:\n  s.sendto(b'u' * 700, (sys.argv[2], 7300)); print(len(s.recv(9000)))\n")
        for server, client in (("west", "east"), ("east", "west")):
            echo = self.plan.host(server).start([sys.executable, "-c", code, "echo", self.pair[server]], stdout=subprocess.PIPE, text=True)
            echo.stdout.readline()
            said = self.plan.host(client).run([sys.executable, "-c", code, "ask", self.seen_by(client)], check=False, timeout=20)
            if said.stdout.strip() != "700":
                raise Failure(f"{when}: UDP from {client} was not echoed: {said.stdout}{said.stderr[-300:]}")

    # The wire

    def require_closed(self, wire, since, when):
        time.sleep(0.3)
        found = {}
        for seconds, link, data in capture.packets(wire.path):
            ethertype, packet = capture.network_layer(link, data)
            kind = capture.classify(ethertype, packet)
            if seconds >= since and kind.startswith("clear") and not _forged(ethertype, packet):
                found[kind] = found.get(kind, 0) + 1
        if found:
            raise Failure(f"clear packets on the wire {when}: {found}")

    def refuse_forged(self, when):
        """Forged clear packets towards both ends reach no socket."""
        ends = (("east", "west"), ("west", "east"))
        listeners = {side: self.plan.host(side).start([sys.executable, FORGE, "listen", self.pair[side], PORT, 30], stdout=subprocess.PIPE, text=True)
                     for side, _ in ends}
        before = {side: self.ends[side].status()["counters"]["clear_in"] for side, _ in ends}
        for side, from_side in ends:
            listeners[side].stdout.readline()
            mac = self.plan.host(side).ip("link show dev wan").split("link/ether ")[1].split()[0]
            self.plan.host(from_side).run([sys.executable, FORGE, "send", "wan", mac, self.seen_by(side), self.pair[side], PORT, 10])
        time.sleep(0.3)
        for side, _ in ends:
            listeners[side].terminate()
            seen = int(listeners[side].communicate(timeout=40)[0])
            counted = self.ends[side].status()["counters"]["clear_in"] - before[side]
            if seen or counted < 10:
                raise Failure(f"{when}: {seen} of 10 forged clear packets reached a socket of {side}, {counted} were counted")

    # Judges

    def judge(self, wire, inner, keys):
        counts = capture.census(wire)
        kinds = {kind for kind in counts if kind in ("esp", "ah", "esp-udp") and counts[kind] > 2}
        if kinds != set(self.mode.kinds):
            raise Failure(f"the wire held {dict(counts)}, expected {self.mode.kinds}")
        opened, unknown = judges.opened_all(wire, keys, self.mode.kind == "tunnel")
        if unknown or len(opened) < 30:
            raise Failure(f"scapy opened {len(opened)} packets and knew nothing of {unknown}")
        known = {judges.essence(packet) for packet in judges.inner_packets(inner) + judges.joined_packets(inner)}
        strange = [packet for packet in opened if judges.essence(packet) not in known]
        # Behind the NAT addresses and checksums differ.
        if strange and not self.mode.nat:
            raise Failure(f"{len(strange)} of {len(opened)} packets that scapy opened are not what the inner side carried: {strange[0][:64].hex()}")
        return counts

    def run(self):
        mode, plan = self.mode, self.plan
        wire = capture.Capture(plan.east, "wan", name="wire")
        self.ends["west"].start()
        self.ends["east"].start()
        since = time.time()
        inner = capture.Capture(plan.east, "sallyport0")
        for name, _ in mode.children:
            done = self.ends["east"].command("up", f"net.{name}")
            if done.returncode != 0:
                raise Failure(f"{name} did not come up: {(done.stdout + done.stderr).strip()[-600:]}")
        self.require_traffic("after the start")
        if mode.kind == "host" and mode.kinds != ("esp-udp",):
            self.require_options("after the start")
        # A router cannot forge for hosts behind it what it does not carry.
        if mode.kind == "host" and not mode.nat:
            self.refuse_forged("while the SA stands")
        for _ in range(2):
            self.ends["east"].rekey("child")
            time.sleep(0.3)
        self.require_pings("after two rekeys")
        status = self.ends["east"].status()
        self._judge_status(status)
        if mode.kind == "host":
            self.ends["east"].down()
            time.sleep(0.5)
            if self.ping("east", 1) or self.ping("west", 1):
                raise Failure("a ping was answered after down")
            if not mode.nat:
                self.refuse_forged("while no SA stands")
        self.require_closed(wire, since, "from the start to the end")
        return self.judge(wire.stop(), inner.stop(), self.ends["east"].keys)

    def _judge_status(self, status):
        children = [child for ike in status["ike_sas"] for child in ike["children"]]
        want = {name: keys for name, keys in self.mode.children}
        for child in children:
            keys = want[child["child"]]
            protocol, way = ("AH" if keys.get("ah") else "ESP"), keys.get("mode", "tunnel")
            if (child["protocol"], child["mode"], child["udp_encap"]) != (protocol, way, "esp-udp" in self.mode.kinds):
                raise Failure(f"status says {child['protocol']} {child['mode']} udp_encap={child['udp_encap']}, expected {protocol} {way}")
        drops = {name: count for name, count in status["drops"].items()} if isinstance(status["drops"], dict) else status["drops"]
        bad = {name: count for name, count in dict(drops).items() if name in ("bad_icv", "replay", "behind_window", "no_sa", "selector_mismatch")}
        if bad or status["counters"]["no_socket"] or status["counters"]["send_refused"]:
            raise Failure(f"drops {drops}, counters {status['counters']}")


def logs_of(lab):
    """The end of every daemon's log."""
    logs = []
    for host in lab.hosts.values():
        path = host.folder / "sallyportd.log"
        if path.exists():
            logs.append(f"---- log of {host.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-40:]))
    return "\n".join(logs)


NAMES = [mode.name for mode in MODES]


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    begun = time.monotonic()
    mode = next(mode for mode in MODES if mode.name == name)
    with Lab(keep=keep) as lab:
        try:
            counts = Stage(lab, mode).run()
            seen = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()) if not kind.startswith("clear"))
            return True, f"{time.monotonic() - begun:.1f} s; wire: {seen}"
        except Exception as why:  # every failure is reported with the logs, whatever raised it
            return False, f"{type(why).__name__}: {why}\n{logs_of(lab)}"
