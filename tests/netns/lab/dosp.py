"""IPsec DoS protection: a gateway between a public and an internal network, judged by the packets that plain sockets on
both sides send and get. What counts are the packets that arrive; the daemon's own figures have to agree with them."""
import contextlib
import ctypes
import os
import socket
import subprocess
import time

from .closed import Failure
from .sallyport import Sallyport
from .space import Lab, wait_until
from .traffic import BUILD

PUBLIC, GUARDED, SECOND = "2001:db8:f::1", "2001:db8:1::1", "2001:db8:1::2"
ESP, UDP = 50, 17
# Octets 16 to 18 of an IKE header: next payload, version, exchange type.
IKEV2_INIT, IKEV1_MAIN, AUTHIP_MAIN = b"\x21\x20\x22", b"\x01\x10\x02", b"\x01\x10\xf3"
PROTECTION = """
[dos_protection.edge]
public = ["wan0"]
internal = ["lan0"]
keying = ["ikev2"]
unauthenticated = { rate = 8000, rate_per_address = 4000, dscp = 10 }
authenticated = { dscp = 46 }
icmpv6 = { rate = 2000, dscp = 8 }
state_idle_timeout = "2s"
"""
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(host):
    """What is opened here belongs to the host's namespace."""
    own, other = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/run/netns/{host.netns}", os.O_RDONLY)
    try:
        if libc.setns(other, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        libc.setns(own, CLONE_NEWNET)
        os.close(own)
        os.close(other)


class End:
    """Sockets of one host: raw ESP, UDP ports; they count what comes, and with which traffic class."""

    def __init__(self, host, address):
        with inside(host):
            self.esp, self.own = (socket.socket(socket.AF_INET6, socket.SOCK_RAW, ESP) for _ in range(2))
            self.udp = {port: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for port in (500, 4500, 7007)}
        for port, each in self.udp.items():
            each.bind(("::", port))
        self.own.bind((address, 0))  # what is sent comes from there
        for each in (self.esp, *self.udp.values()):
            each.setblocking(False)
            each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)

    def take(self, patience=0.25):
        """[(number of octets, DSCP)] of all that has come."""
        time.sleep(patience)
        got = []
        for each in (self.esp, *self.udp.values()):
            with contextlib.suppress(BlockingIOError):
                while True:
                    octets, extra, _, _ = each.recvmsg(2048, 64)
                    got.append((len(octets), int.from_bytes(extra[0][2][:4], "little") >> 2))
        return got

    def send_esp(self, to, count, size=960):
        for number in range(count):
            self.own.sendto((0x1234).to_bytes(4, "big") + number.to_bytes(4, "big") + bytes(size - 8), (to, 0))

    def send(self, to, port, octets):
        self.udp[port].sendto(octets, (to, port))

    def send_ike(self, to, kind, port=500):
        self.send(to, port, (bytes(4) if port == 4500 else b"") + bytes(range(1, 9)) + bytes(8) + kind + bytes(9))


def expect(what, seen, least, most=None):
    if not least <= seen <= (least if most is None else most):
        raise Failure(f"{what}: {seen}, expected {least}" + ("" if most is None else f" to {most}"))


class Gateway:
    def __init__(self, lab):
        outside, self.host, within = lab.host("public"), lab.host("gateway"), lab.host("internal")
        lab.wire(outside, "wan", self.host, "wan0", [f"{PUBLIC}/64", "192.0.2.1/24"], ["2001:db8:f::fe/64", "192.0.2.254/24"])
        lab.wire(self.host, "lan0", within, "lan", ["2001:db8:1::fe/64", "198.51.100.254/24"],
                 [f"{GUARDED}/64", f"{SECOND}/64", "198.51.100.1/24"])
        self.host.forward()
        for host, net, via4 in ((outside, "2001:db8:f", "192.0.2"), (within, "2001:db8:1", "198.51.100")):
            host.ip(f"route add default via {net}::fe")
            host.ip(f"route add default via {via4}.254")
        self.outside, self.within = outside, within
        self.public, self.internal = End(outside, PUBLIC), End(within, GUARDED)
        self.daemon = Sallyport.__new__(Sallyport)
        self.daemon.host, self.daemon.process = self.host, None
        self.daemon.folder = self.host.folder / "sallyport"
        self.daemon.folder.mkdir(mode=0o700)
        self.daemon.socket, self.daemon.file = self.daemon.folder / "control.sock", self.daemon.folder / "sallyport.toml"
        self.write(PROTECTION)
        for address in (GUARDED, SECOND):  # neighbours are known before anything is counted
            wait_until(lambda to=address: outside.ping(to, count=1) == 1, 10, f"a way to {address}")

    def write(self, protection):
        self.daemon.file.write_text(f'[daemon]\ncontrol = "{self.daemon.socket}"\npolicy_store = "none"\n'
                                    f'[device]\ntype = "internal"\naddress = ["10.9.0.1"]\n{protection}')
        self.daemon.file.chmod(0o600)

    def program(self, *words):
        return [BUILD / "tests" / "netns" / "dos_protect", *words]

    def environment(self):
        return {**os.environ, "SALLYPORT_SOCKET": str(self.daemon.socket)}

    def shown(self):
        """(statistics by name, states: [(public, internal, in, out, seconds)])."""
        done = self.host.run(self.program("show"), env=self.environment())
        rows = [line.split() for line in done.stdout.splitlines()]
        return ({row[0]: int(row[1]) for row in rows if row[0] != "state"},
                [(row[1], row[2], *map(int, row[3:])) for row in rows if row[0] == "state"])


def default_block(gateway):
    """Neither IPv4 nor anything but IPsec and ICMPv6, in either direction; keying that is off is no IPsec."""
    public, internal = gateway.public, gateway.internal
    public.send(GUARDED, 7007, b"clear")
    internal.send(PUBLIC, 7007, b"clear")
    for port in (500, 4500):
        public.send_ike(GUARDED, IKEV1_MAIN, port)
        public.send_ike(GUARDED, AUTHIP_MAIN, port)
    public.send(GUARDED, 500, b"\x20" * 12)  # no IKE header
    expect("blocked by default", len(internal.take() + public.take(0)), 0)
    expect("IPv4", gateway.outside.ping("198.51.100.1", count=1, timeout=0.2), 0)
    counts, states = gateway.shown()
    expect("counted as blocked", counts["blocked"], 2)
    expect("counted as other discarded", counts["unauth_other"], 5)
    expect("states", len(states), 0)
    public.send_ike(GUARDED, IKEV2_INIT)
    public.send_ike(GUARDED, IKEV2_INIT, 4500)
    public.send(GUARDED, 4500, b"\xff")  # keeps a mapping alive
    got = internal.take()
    if len(got) != 3 or any(dscp != 10 for _, dscp in got):
        raise Failure(f"of three IKEv2 packets these came: {got}")
    internal.send_ike(PUBLIC, IKEV2_INIT)
    expect("the answer", len(public.take()), 1)
    expect("states after an answer by IKE", len(gateway.shown()[1]), 0)


def unauthenticated_flood(gateway):
    """A second's worth and one packet to each address, and the same in all."""
    time.sleep(1)
    before, _ = gateway.shown()
    for _ in range(2):
        gateway.public.send_esp(GUARDED, 20)
        gateway.public.send_esp(SECOND, 20)
    got = gateway.internal.take()
    counts, _ = gateway.shown()
    # 1000 octets each: 5500 of 4000 and 1500 for an address, 9500 in all, and what the time gives back.
    expect("of a flood of 80", len(got), 9, 11)
    expect("counted as passed", counts["unauth"] - before["unauth"], len(got))
    if counts["unauth_per_ip"] - before["unauth_per_ip"] < 60 or counts["unauth_limited"] == before["unauth_limited"]:
        raise Failure(f"not limited in both ways: {counts}")
    expect("limited addresses", counts["queues"], 2)


def authenticated(gateway):
    """Who has been answered by ESP is limited no more, until the internal host is silent for so long."""
    gateway.internal.send_esp(PUBLIC, 3, 100)
    expect("ESP from inside", len(gateway.public.take()), 3)
    gateway.public.send_esp(GUARDED, 60)
    got = gateway.internal.take()
    if len(got) != 60 or any(dscp != 46 for _, dscp in got):
        raise Failure(f"of 60 packets with a state entry {len(got)} came, marked {({dscp for _, dscp in got})}")
    counts, states = gateway.shown()
    if len(states) != 1 or states[0][:4] != (PUBLIC, GUARDED, 60, 3) or states[0][4] > 2:
        raise Failure(f"states: {states}")
    expect("counted as authenticated", counts["auth"], 60)
    expect("made", counts["created"], 1)
    text = gateway.daemon.command("status", check=True).stdout
    if "DoS protection: 1 state entries (1 made so far)" not in text:
        raise Failure(f"status tells\n{text}")
    before = counts
    wait_until(lambda: not gateway.shown()[1], 4, "the state entry timed out", pause=0.2)
    gateway.public.send_esp(GUARDED, 20)
    if len(gateway.internal.take()) > 7 or gateway.shown()[0]["auth"] != before["auth"]:
        raise Failure("more than the limit passes after the state entry has timed out")


def icmpv6(gateway):
    before, _ = gateway.shown()
    gateway.outside.ping(GUARDED, count=12, size=452, timeout=0.2, interval=0.01)
    counts, _ = gateway.shown()
    # 500 octets each: 3500 of 2000 and 1500.
    expect("echo requests that passed", counts["icmpv6"] - before["icmpv6"], 7, 8)
    expect("all of them", counts["icmpv6"] + counts["icmpv6_limited"] - before["icmpv6"] - before["icmpv6_limited"], 12)


def by_program(gateway):
    """A setting of a program's, more specific than the file's, for as long as the program lives."""
    words = gateway.program("block", "wan0", "lan0", SECOND)
    process = gateway.host.start(words, stdout=subprocess.PIPE, text=True, env=gateway.environment())
    if (said := process.stdout.readline().strip()) != "there":
        raise Failure(f"the program says {said}")

    def passes(address):
        gateway.public.send_ike(address, IKEV2_INIT)
        return len(gateway.internal.take(0.1)) == 1
    wait_until(lambda: not passes(SECOND), 3, "the host is blocked")
    if not passes(GUARDED) or gateway.shown()[0]["filtered"] == 0:
        raise Failure("the other host is blocked too, or nothing is counted")
    process.kill()
    process.wait()
    wait_until(lambda: passes(SECOND), 3, "the host is blocked no more")


def lives_and_deaths(gateway):
    """A crash leaves the protection and its state; a reload changes it; a clean end takes it away."""
    gateway.internal.send_esp(PUBLIC, 1, 100)
    expect("ESP from inside", len(gateway.public.take(0.1)), 1)
    gateway.daemon.kill()
    gateway.public.send(GUARDED, 7007, b"clear")
    expect("after a crash", len(gateway.internal.take(0.1)), 0)
    gateway.daemon.start()
    counts, states = gateway.shown()
    if len(states) != 1 or counts["created"] < 2 or counts["blocked"] < 3:
        raise Failure(f"after a new start: {counts}, {states}")
    gateway.write(PROTECTION + "default_block = false\n")
    gateway.daemon.command("reload", check=True)
    gateway.public.send(GUARDED, 7007, b"clear")
    expect("without the default block", len(gateway.internal.take(0.1)), 1)
    expect("counts go on", gateway.shown()[0]["created"], counts["created"])
    gateway.host.nft("delete table inet sallyport_dosp")
    if "NO DoS PROTECTION" not in gateway.daemon.command("status", check=True).stdout:
        raise Failure("status does not say that the table is gone")
    gateway.daemon.command("reload", check=True)
    gateway.shown()
    gateway.daemon.stop()
    if "sallyport_dosp" in gateway.host.run(["nft", "list", "tables"]).stdout:
        raise Failure("a clean end leaves the table")
    expect("after a clean end", gateway.outside.ping("198.51.100.1", count=1), 1)


NAMES = ("dos-protection",)


def play(name, keep=False):
    """Runs the case; returns (passed, text)."""
    begun = time.monotonic()
    with Lab(keep=keep) as lab:
        try:
            gateway = Gateway(lab)
            gateway.daemon.start()
            for step in (default_block, unauthenticated_flood, authenticated, icmpv6, by_program, lives_and_deaths):
                step(gateway)
            return True, f"{time.monotonic() - begun:.1f} s"
        except Exception as why:  # every failure is reported with the log, whatever raised it
            path = lab.hosts["gateway"].folder / "sallyportd.log" if "gateway" in lab.hosts else None
            log = path.read_text(errors="replace") if path and path.exists() else ""
            return False, f"{type(why).__name__}: {why}\n" + "\n".join(log.splitlines()[-40:])
