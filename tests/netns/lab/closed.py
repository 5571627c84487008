"""Fail closed: no clear packet that policy says PROTECT is on a wire, nor reaches a socket, whatever happens to the daemon.

Every host gets ordinary routes to the other's networks first, and the wire is seen to carry clear packets by them before a daemon
runs: without that, silence would prove nothing. From the moment both daemons stand, one clear packet in any capture fails the case.
"""
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

from . import capture
from .connection import Connection, End
from .sallyport import Sallyport
from .space import Lab, Plan, wait_until
from .traffic import Flow

FORGE = pathlib.Path(__file__).resolve().parent / "forge.py"
PORT = 47009


class Failure(Exception):
    """One sentence about what was expected and what was seen."""


class Closed:
    """outer: family of the wire. kind: "net" (networks behind both hosts, both families) or "host" (the hosts' own addresses).
    extra: further configuration of [daemon]. child: keys of the child at both ends."""

    def __init__(self, lab, outer="v4", kind="net", encap=False, east_nets=None, west_nets=None, extra="", child=None):
        self.lab, self.plan, self.kind, self.outer = lab, Plan(lab, outer), kind, outer
        plan = self.plan
        self.pairs = self._addresses()
        nets = self._nets()
        east = End("east.example", plan.east_address, east_nets or nets["east"])
        west = End("west.example", plan.west_address, west_nets or nets["west"])
        self.connection = Connection(east, west, encap=encap, dpd=1, child=child or {})
        self.since = None
        self.extra = extra
        self.captures = [capture.Capture(host, "wan", name=f"{side}-wan") for side, host in (("east", plan.east), ("west", plan.west))]
        self.captures.append(capture.Capture(plan.east, "inner", name="east-inner"))
        self.flows = []
        self.west = Sallyport(plan.west, self.connection, "west", start="none", daemon=extra)
        self.east = Sallyport(plan.east, self.connection, "east", start="up", daemon=extra)

    def _addresses(self):
        plan = self.plan
        if self.kind == "host":
            return [(plan.east_address, plan.west_address)]
        # The other family needs addresses outside too, or its clear packets would have no way to take.
        if self.outer == "v4":
            plan.east.ip("addr add 2001:db8:77::1/64 dev wan nodad")
            plan.west.ip("addr add 2001:db8:77::2/64 dev wan nodad")
            hops = {"v4": (plan.east_address, plan.west_address), "v6": ("2001:db8:77::1", "2001:db8:77::2")}
        else:
            plan.east.ip("addr add 192.0.2.1/24 dev wan")
            plan.west.ip("addr add 192.0.2.2/24 dev wan")
            hops = {"v6": (plan.east_address, plan.west_address), "v4": ("192.0.2.1", "192.0.2.2")}
        self.hops = hops
        self.lay_routes("east")
        self.lay_routes("west")
        return [("10.1.0.1", "10.2.0.1"), ("fd01::1", "fd02::1")]

    def lay_routes(self, side):
        """Ordinary routes by which a packet would travel in clear."""
        if self.kind == "host":
            return
        host, other = self.plan.host(side), 1 if side == "east" else 0
        for family, net in (("v4", "10.2.0.0/24" if side == "east" else "10.1.0.0/24"), ("v6", "fd02::/64" if side == "east" else "fd01::/64")):
            host.ip(f"{'-6 ' if family == 'v6' else ''}route replace {net} via {self.hops[family][other]} dev wan")

    def _nets(self):
        if self.kind == "host":
            bits = 128 if self.outer == "v6" else 32
            return {"east": [f"{self.plan.east_address}/{bits}"], "west": [f"{self.plan.west_address}/{bits}"]}
        return {"east": ["10.1.0.0/24", "fd01::/64"], "west": ["10.2.0.0/24", "fd02::/64"]}

    # Facts

    def ping(self, pair=0, count=1, host=None):
        east, west = self.pairs[pair]
        return self.plan.east.ping(west, count=count, source=east)

    def require_protected(self, when):
        for pair in range(len(self.pairs)):
            try:
                wait_until(lambda p=pair: self.ping(p), 20, f"protected traffic {when} ({self.pairs[pair][1]})")
            except TimeoutError as why:
                raise Failure(str(why)) from None
        self.require_closed(when)

    def clear(self):
        """{file: {kind: count}} of clear packets since both daemons stood."""
        found = {}
        for one in self.captures:
            kinds = {}
            for seconds, link, data in capture.packets(one.path):
                if self.since and seconds < self.since:
                    continue
                ethertype, packet = capture.network_layer(link, data)
                kind = capture.classify(ethertype, packet)
                if kind.startswith("clear") and not _forged(ethertype, packet):
                    kinds[kind] = kinds.get(kind, 0) + 1
            if kinds:
                found[one.path.name] = kinds
        return found

    def require_closed(self, when):
        time.sleep(0.2)  # tcpdump writes what it has
        if found := self.clear():
            raise Failure(f"clear packets on the wire {when}: {found}")

    def counters(self, end=None):
        status = (end or self.east).status()
        return status.get("counters", {})

    # Deeds

    def start_flows(self):
        """Endless traffic in both directions and every family, from before the first daemon to the end."""
        for number, (east, west) in enumerate(self.pairs):
            self.flows.append(Flow(self.plan.east, self.plan.west, east, west, pps=50, seconds=400, port=47100 + number, largest=600))

    def start_both(self):
        self.west.start()
        self.east.start()
        self.since = time.time()

    def forged(self, seconds=60, count=20, fragment=False):
        """Clear packets forged in west's place: (sent, seen by east's sockets)."""
        mac = self.mac()
        sent = seen = 0
        for east, west in self.pairs:
            listener = self.plan.east.start([sys.executable, FORGE, "listen", east, PORT, seconds], stdout=subprocess.PIPE, text=True)
            listener.stdout.readline()
            words = ["fragment", "wan", mac, west, east, PORT] if fragment else ["send", "wan", mac, west, east, PORT, count]
            self.plan.west.run([sys.executable, FORGE, *words])
            sent += 2 if fragment else count
            time.sleep(0.5)
            listener.terminate()
            seen += int(listener.communicate(timeout=seconds + 10)[0])
        return sent, seen

    def mac(self):
        words = self.plan.east.ip("link show dev wan").split()
        return words[words.index("link/ether") + 1]

    def refuse_forged(self, when, counted=True):
        before = self.counters().get("clear_in", 0) if counted else 0
        sent, seen = self.forged()
        more, seen_fragments = self.forged(fragment=True)
        if seen or seen_fragments:
            raise Failure(f"{seen} of {sent} forged clear packets and {seen_fragments} fragmented ones reached a socket {when}")
        if counted and (after := self.counters().get("clear_in", 0)) - before < sent + more // 2:
            raise Failure(f"{sent} forged packets and {more} fragments were sent {when}, but clear_in went from {before} to {after}")


def _forged(ethertype, packet):
    """What the test itself put on the wire (forge.py); its second fragments are not counted as clear anyway."""
    _, _, protocol, payload = capture.dissect(ethertype, packet)
    return protocol == capture.UDP and len(payload) >= 4 and struct.unpack("!H", payload[2:4])[0] == PORT


def refuse_later_fragments(closed):
    """Over IPv6 a fragment that says it is of ESP is joined with one that came decrypted and says otherwise."""
    for east, west in closed.pairs:
        if ":" not in east:
            continue
        before = closed.counters().get("clear_in", 0)
        for protocol in (50, 51):
            closed.plan.west.run([sys.executable, FORGE, "later", "wan", closed.mac(), west, east, protocol, 10])
        if closed.counters()["clear_in"] - before < 20:
            raise Failure(f"20 later fragments were sent, clear_in went from {before} to {closed.counters()['clear_in']}")


def open_at_first(closed):
    """The positive control: clear packets do travel, and forged ones do arrive."""
    closed.start_flows()
    wait_until(lambda: len(closed.clear()) >= 2, 10, "clear packets on the wire before a daemon runs")
    sent, seen = closed.forged()
    if seen != sent:
        raise Failure(f"before a daemon runs {seen} of {sent} forged packets arrived: the test itself is broken")


def life(closed):
    """Start under traffic, rekeys, reload, down, flaps, crash, restart, clean end."""
    open_at_first(closed)
    closed.start_both()
    closed.require_protected("after the start under traffic")
    status = closed.east.status()
    if not status["daemon"]["fail_closed"]:
        raise Failure(f"status does not say that the packet filter is in place: {status['daemon']['fail_closed_note']}")
    closed.refuse_forged("while the tunnel is up")
    if closed.connection.child.get("mode") != "transport":  # whose decrypted packets are whole
        refuse_later_fragments(closed)
    for what in ("child", "ike", "child"):
        closed.east.rekey(what)
        time.sleep(0.3)
    closed.require_protected("after the rekeys")
    reload_changed(closed)
    closed.east.down()
    time.sleep(1.0)
    closed.require_closed("after down")
    if closed.ping():
        raise Failure("a ping was answered after down")
    closed.refuse_forged("while the tunnel is down")
    closed.east.up()
    closed.require_protected("after up")
    flaps(closed)
    crash(closed)
    clean_end(closed)


def reload_changed(closed):
    """A second child comes and goes by reload, under traffic."""
    text = closed.east.file.read_text()
    if closed.kind == "net":
        added = '\n[connection.net.child.more]\nlocal = ["10.1.0.0/24"]\nremote = ["10.77.0.0/24"]\nstart = "none"\n'
        closed.east.file.write_text(text + added)
        closed.east.command("reload", check=True)
        closed.require_protected("after a reload that adds a child")
        closed.plan.east.run(["ping", "-c", "1", "-W", "0.2", "-I", "10.1.0.1", "10.77.0.1"], check=False)
        closed.require_closed("after traffic for the child that was added")
        closed.east.file.write_text(text)
        closed.east.command("reload", check=True)
    for _ in range(10):
        closed.east.command("reload", check=True)
    closed.require_protected("after many reloads")


def flaps(closed):
    east = closed.plan.east
    east.ip("link set sallyport0 down")
    time.sleep(0.5)
    closed.require_closed("while the device is down")
    east.ip("link set sallyport0 up")
    closed.require_protected("after the device came up again")
    if closed.kind == "net":
        east.ip("addr del 10.1.0.1/24 dev inner")
        time.sleep(0.3)
        east.ip("addr add 10.1.0.1/24 dev inner")
        closed.require_protected("after the inner address came back")
    for _ in range(3):
        east.ip("link set wan down")
        time.sleep(0.1)
        east.ip("link set wan up")
        if closed.outer == "v6":
            east.ip(f"addr replace {closed.plan.east_address}/64 dev wan nodad")
        elif closed.kind == "net":
            east.ip("addr replace 2001:db8:77::1/64 dev wan nodad")
        closed.lay_routes("east")
    closed.require_protected("after the outside flapped")


def crash(closed):
    """kill -9 of everything, twice: nothing leaks while it is dead nor while it comes back."""
    for _ in range(2):
        closed.east.kill()
        time.sleep(1.0)
        closed.require_closed("after kill -9")
        closed.refuse_forged("after kill -9", counted=False)
        if closed.ping():
            raise Failure("a ping was answered while the daemon was dead")
        before = _table_counter(closed, "clear_in")
        closed.east.start()
        closed.require_protected("after the restart")
        if closed.counters()["clear_in"] < before:
            raise Failure("the restart lost the counts of refused packets")
    worker = closed.east.worker()
    if worker:
        os.kill(worker, signal.SIGKILL)
        time.sleep(0.5)
        closed.require_protected("after kill -9 of the worker alone")


def _table_counter(closed, name):
    listing = closed.plan.east.run(["nft", "list", "counter", "inet", "sallyport", name]).stdout
    return int(listing.split("packets")[1].split()[0])


def leftovers(host):
    """What of ours is in the kernel."""
    tables = host.run(["nft", "list", "tables"]).stdout
    rules = host.ip("rule") + host.ip("-6 rule")
    routes = "".join(host.run(["ip", family, "route", "show", "table", "21328"], check=False).stdout for family in ("-4", "-6"))
    return [what for what, found in (("table", "sallyport" in tables), ("rule", "21328" in rules), ("route", routes.strip())) if found]


def clean_end(closed):
    closed.require_closed("before the clean end")
    closed.east.stop()
    after_stop_closed = 'after_stop = "closed"' in closed.extra
    left = leftovers(closed.plan.east)
    if after_stop_closed:
        time.sleep(0.5)
        closed.require_closed("after a clean end that stays closed")
        if set(left) != {"table", "rule", "route"}:
            raise Failure(f"after a clean end that stays closed only these were left: {left}")
        return
    if left:
        raise Failure(f"a clean end left behind: {left}")
    wait_until(closed.clear, 5, "clear packets after the clean end that opens")


def life_case(lab, name):
    outer = "v6" if "v6" in name else "v4"
    kind = "host" if "host" in name else "net"
    extra = 'fail_closed = { after_stop = "closed" }\n' if "stay" in name else ""
    child = {"mode": "transport", "local": None, "remote": None} if "transport" in name else {}
    if "ah" in name.split("-"):
        child |= {"ah": ["sha256"], "esp": None}
    life(Closed(lab, outer, kind, encap="encap" in name, extra=extra, child=child))


SERVE = """
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("bound", flush=True)
while True:
    c, _ = s.accept()
    c.sendall(b"served")
    c.close()
"""
ASK = """
import socket, sys
try:
    c = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
    print(c.recv(100).decode(), flush=True)
except OSError as why:
    print("none:", why, flush=True)
"""


def ports_case(lab, _):
    """Only tcp/7000 of west is protected: it travels in ESP and is refused in clear, everything else between the hosts goes on."""
    closed = Closed(lab, "v4", "host", west_nets=["192.0.2.2/32[tcp/7000]"])
    plan = closed.plan
    for port in (7000, 7001):
        served = plan.west.start([sys.executable, "-c", SERVE, "192.0.2.2", port], stdout=subprocess.PIPE, text=True)
        served.stdout.readline()

    def ask(port):
        return plan.east.run([sys.executable, "-c", ASK, "192.0.2.2", port]).stdout.strip()
    if ask(7000) != "served":
        raise Failure("the test's own server does not answer before a daemon runs")
    closed.start_both()
    wait_until(lambda: ask(7000) == "served", 20, "the protected port to be served through the tunnel")
    if ask(7001) != "served" or not closed.ping():
        raise Failure("traffic that is not protected does not pass any more")
    wrong = {kind for kinds in _ports_in_clear(closed).values() for kind in kinds if 7000 in kind}
    if wrong:
        raise Failure(f"packets of the protected port were in clear on the wire: {wrong}")
    # East forgets its protection on purpose; west must not serve the clear connection.
    closed.east.down()
    closed.east.stop()
    before = closed.counters(closed.west)["clear_in"]
    said = ask(7000)
    if not said.startswith("none"):
        raise Failure(f"west served the protected port in clear: {said}")
    if closed.counters(closed.west)["clear_in"] <= before:
        raise Failure("west refused the clear connection but did not count it")
    if ask(7001) != "served":
        raise Failure("west refuses what is not protected")


def _ports_in_clear(closed):
    """{capture: {(source port, destination port)}} of clear TCP packets since both daemons stood."""
    found = {}
    for one in closed.captures:
        ports = found.setdefault(one.path.name, set())
        for seconds, link, data in capture.packets(one.path):
            dissected = capture.dissect(*capture.network_layer(link, data))
            if seconds >= closed.since and dissected and dissected[2] == 6:
                ports.add(struct.unpack("!HH", dissected[3][:4]))
    return found


def everything_case(lab, _):
    """All of IPv4 through the tunnel: IPv6 does not pass beside it, and the gateway still reaches its own network."""
    closed = Closed(lab, "v4", "net", east_nets=["10.1.0.0/16"], west_nets=["0.0.0.0/0"])
    plan = closed.plan
    station = lab.host("station")
    lab.wire(plan.east, "lan", station, "eth0", ["10.1.3.1/24"], ["10.1.3.9/24"])
    station.ip("route add default via 10.1.3.1")
    plan.east.forward()
    if not closed.ping(1):
        raise Failure("IPv6 does not pass even before a daemon runs: the test itself is broken")
    closed.start_both()
    wait_until(closed.ping, 20, "IPv4 through the tunnel")
    if closed.ping(1):
        raise Failure("IPv6 passes beside a tunnel that takes all of IPv4")
    if not closed.counters()["other_family_out"]:
        raise Failure("refused IPv6 was not counted")
    if not plan.east.ping("10.1.3.9", source="10.1.3.1") or not station.ping("10.1.3.1"):
        raise Failure("the gateway does not reach its own network any more")
    if not station.ping("10.2.0.1"):
        raise Failure("a station behind the gateway does not reach the other side")
    closed.require_closed("with everything in the tunnel")


def pmtu_case(lab, _):
    """Errors of ICMP about our own ESP still arrive where the hosts protect their own addresses; others do not."""
    closed = Closed(lab, "v4", "host")
    closed.start_both()
    closed.require_protected("before the path shrinks")
    plan = closed.plan

    def tell(protocol, mtu):
        plan.west.run([sys.executable, FORGE, "toobig", "wan", closed.mac(), "192.0.2.2", "192.0.2.1", protocol, mtu])

    def known():
        return plan.east.ip("route get 192.0.2.2 mark 0x5350")
    before = closed.counters()["clear_in"]
    tell(6, 1100)
    time.sleep(0.3)
    if "mtu" in known() or closed.counters()["clear_in"] <= before:
        raise Failure("an ICMP error about a protected packet was let in from the clear wire")
    tell(50, 1300)
    try:
        wait_until(lambda: "mtu 1300" in known(), 5, "the path MTU told by an ICMP error about our ESP")
    except TimeoutError as why:
        raise Failure(f"{why}: {known()}") from None


def no_nft_case(lab, _):
    """Without the program nft the daemon does not start, says why, and does start where the administrator wants it so."""
    closed = Closed(lab, "v4", "net")
    hide = ["unshare", "-m", "--propagation", "unchanged", "sh", "-c", "mount --make-rprivate / 2>/dev/null; "
            "for p in /usr/sbin/nft /sbin/nft /usr/bin/nft; do [ ! -e $p ] || mount --bind /dev/null $p; done; exec \"$@\"", "sh"]
    from .sallyport import program
    done = closed.plan.east.run([*hide, program("sallyportd"), "--config", closed.east.file], check=False, timeout=20)
    said = done.stdout + done.stderr
    if done.returncode == 0 or "nft" not in said or len(said.strip().splitlines()) != 1:
        raise Failure(f"expected one sentence about nft and an exit code, got {done.returncode}: {said}")
    if left := leftovers(closed.plan.east):
        raise Failure(f"a refused start left behind: {left}")
    closed.east.daemon_extra = 'fail_closed = { enforce = "warn" }\n'
    closed.east.write(closed.connection)
    closed.east.start(wrap=hide)
    status = closed.east.command("status").stdout
    if "NOT FAIL CLOSED" not in status:
        raise Failure(f"status does not say that clear packets are not kept out:\n{status}")


def by_hand_case(lab, _):
    """What a crash leaves is removed by the daemon's option, and by the commands of docs/fail-closed.md."""
    closed = Closed(lab, "v4", "net")
    from .sallyport import program
    text = (pathlib.Path(__file__).resolve().parents[3] / "docs" / "fail-closed.md").read_text()
    commands = text.split("## Removing everything by hand")[1].split("```sh\n")[1].split("```")[0]
    for remove in (["sh", "-c", commands], [program("sallyportd"), "--remove-protection"]):
        closed.east.start()
        closed.east.kill()
        if set(leftovers(closed.plan.east)) != {"table", "rule", "route"}:
            raise Failure(f"after kill -9 only these are left: {leftovers(closed.plan.east)}")
        closed.plan.east.run(remove, check=False)
        if left := leftovers(closed.plan.east):
            raise Failure(f"{remove[0]} left behind: {left}")


CASES = {"closed-net-v4": life_case, "closed-net-v6-stay": life_case, "closed-host-v4": life_case, "closed-host-v6": life_case,
         "closed-host-v4-encap": life_case, "closed-host-v4-transport": life_case, "closed-host-v6-transport-ah": life_case,
         "closed-ports": ports_case, "closed-everything": everything_case, "closed-pmtu": pmtu_case, "closed-no-nft": no_nft_case,
         "closed-by-hand": by_hand_case}
NAMES = list(CASES)


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    begun = time.monotonic()
    with Lab(keep=keep) as lab:
        logs = []
        try:
            CASES[name](lab, name)
            return True, f"{time.monotonic() - begun:.1f} s"
        except Exception as why:  # every failure is reported with the logs, whatever raised it
            for host in lab.hosts.values():
                path = host.folder / "sallyportd.log"
                if path.exists():
                    logs.append(f"---- log of {host.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-40:]))
            return False, f"{type(why).__name__}: {why}\n" + "\n".join(logs)
