"""Two daemons of one kind with several connections between them, to make many handshakes by their control sockets.

Each connection has identities of its own, so that several are negotiated side by side; with certificates, one certificate
for each end names them all.
"""
import json
import subprocess

import cpu
import frame
from lab import sallyport, strongswan
from lab.connection import Connection, End
from lab.pki import Authority
from lab.space import Plan

PARALLEL = 4
# Name: how the ends authenticate, and the IKE proposal, in words that both daemons share.
KINDS = {
    "psk": ("psk", "aes256gcm16-prfsha256-x25519"),
    "ecdsa": ("ecdsa", "aes256gcm16-prfsha256-x25519"),
    "rsa": ("rsa", "aes256gcm16-prfsha256-modp2048"),
}
NAMES = [f"n{i}" for i in range(PARALLEL)]


def _connections(plan, kind, folder):
    auth, ike = KINDS[kind]
    ends = {}
    if auth != "psk":
        authority = Authority(folder / "pki", auth)
        for side in ("east", "west"):
            first, *more = [f"{side}-{name}.example" for name in NAMES]
            ends[side] = authority.leaf(first, auth, more=more)
    made = []
    for number, name in enumerate(NAMES):
        pair = [End(f"{side}-{name}.example", plan.address(side), [f"10.{1 if side == 'east' else 2}.{number}.0/24"],
                    *(ends[side] if ends else ("", ""))) for side in ("east", "west")]
        made.append(Connection(*pair, auth="psk" if auth == "psk" else "cert", ca=authority.certificate if ends else "", ike=ike, name=name))
    return made


class _SallyportEnd(sallyport.Sallyport):
    """All the connections in one file; quiet, as charon is."""

    def __init__(self, host, connections, side):
        self.connections = connections
        super().__init__(host, connections[0], side)

    def write(self, connection):
        texts = [sallyport.configuration(one, self.side, self.folder, self.socket) for one in self.connections]
        head = texts[0].split("[connection.")[0].replace("[daemon]", '[daemon]\nlog = { level = "error" }')
        self.file.write_text(head + "".join("[connection." + text.split("[connection.", 1)[1] for text in texts))
        self.file.chmod(0o600)

    def control(self):
        return ["sallyport", self.socket]


class _CharonEnd(strongswan.Strongswan):
    """charon at log level -1, and without the script that the tests' configuration runs for each Child SA."""

    def __init__(self, host, connections, side):
        self.connections = connections
        super().__init__(host, connections[0], side, level=-1)

    def write(self, connection):
        path = self.etc / "swanctl" / "swanctl.conf"
        texts = []
        for number, one in enumerate(self.connections):
            super().write(one)
            texts.append(path.read_text().replace("ike-1 {", f"ike-{number} {{").replace("        updown = /bin/true\n", ""))
        path.write_text("\n".join(texts))

    def control(self):
        return ["charon", self.run_dir / "charon.vici"]


class Daemons:
    """east starts, west answers. kind: of KINDS; who: "sallyport" or "charon"."""

    def __init__(self, lab, who, kind):
        self.plan = Plan(lab)
        connections = _connections(self.plan, kind, lab.folder)
        for side, net in (("east", 1), ("west", 2)):
            for number in range(1, PARALLEL):
                self.plan.host(side).ip(f"addr add 10.{net}.{number}.1/24 dev inner")   # the source address of charon's routes
        end = {"sallyport": _SallyportEnd, "charon": _CharonEnd}[who]
        self.east, self.west = (end(self.plan.host(side), connections, side) for side in ("east", "west"))
        self.west.start()
        self.east.start()

    def handshakes(self, count):
        """Makes `count` of them; returns (initiator CPU ms, responder CPU ms, handshakes per second), the first two for each."""
        leaders = [end.process.pid for end in (self.east, self.west)]
        before = [cpu.read([leader]) for leader in leaders]
        done = subprocess.run([frame.tool("handshake_driver"), *self.east.control(), str(count), *NAMES], capture_output=True, text=True,
                              timeout=60 + count)
        after = [cpu.read([leader]) for leader in leaders]
        if done.returncode != 0:
            raise RuntimeError(f"handshakes failed: {done.stdout.strip()}{done.stderr.strip()}\n{self.east.tail(8)}\n{self.west.tail(8)}")
        told = json.loads(done.stdout)
        spent = [1000 * cpu.seconds(b, a) / told["done"] for b, a in zip(before, after)]
        return spent[0], spent[1], told["done"] / told["seconds"]
