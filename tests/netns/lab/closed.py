"""Fail closed: no clear packet that policy says PROTECT is on a wire, nor reaches a socket, whatever happens to the daemon.

Every host gets ordinary routes to the other's networks first, and the wire is seen to carry clear packets by them before a daemon
runs: without that, silence would prove nothing. From the moment both daemons stand, one clear packet in any capture fails the case.
"""
import os
import pathlib
import signal
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
    extra: further configuration of [daemon]."""

    def __init__(self, lab, outer="v4", kind="net", encap=False, east_nets=None, west_nets=None, extra=""):
        self.lab, self.plan, self.kind, self.outer = lab, Plan(lab, outer), kind, outer
        plan = self.plan
        self.pairs = self._addresses()
        nets = self._nets()
        east = End("east.example", plan.east_address, east_nets or nets["east"])
        west = End("west.example", plan.west_address, west_nets or nets["west"])
        self.connection = Connection(east, west, encap=encap, dpd=1)
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
                wait_until(lambda p=pair: self.ping(p), 10, f"protected traffic {when} ({self.pairs[pair][1]})")
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
                kind = capture.classify(*capture.network_layer(link, data))
                if kind.startswith("clear") or kind == "fragment":
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
        return {counter["name"]: counter["value"] for counter in status.get("counters", [])}

    # Deeds

    def start_flows(self):
        """Endless traffic in both directions and every family, from before the first daemon to the end."""
        for number, (east, west) in enumerate(self.pairs):
            self.flows.append(Flow(self.plan.east, self.plan.west, east, west, pps=200, seconds=240, port=47100 + number, largest=600))

    def start_both(self):
        self.west.start()
        self.east.start()
        self.since = time.time()

    def forged(self, seconds=1.2, count=20, fragment=False):
        """Clear packets forged in west's place: (sent, seen by east's sockets)."""
        mac = self.plan.east.run(["cat", "/sys/class/net/wan/address"]).stdout.strip() if False else self._mac()
        sent = seen = 0
        for east, west in self.pairs:
            listener = self.plan.east.start([sys.executable, FORGE, "listen", east, PORT, seconds], stdout=subprocess.PIPE, text=True)
            listener.stdout.readline()
            words = ["fragment", "wan", mac, west, east, PORT] if fragment else ["send", "wan", mac, west, east, PORT, count]
            self.plan.west.run([sys.executable, FORGE, *words])
            sent += 2 if fragment else count
            seen += int(listener.communicate(timeout=seconds + 10)[0])
        return sent, seen

    def _mac(self):
        words = self.plan.east.ip("link show dev wan").split()
        return words[words.index("link/ether") + 1]

    def refuse_forged(self, when, counted=True):
        before = self.counters().get("clear_in", 0) if counted else 0
        # Their own appearance on the wire is not a leak.
        begun = time.time()
        sent, seen = self.forged()
        more, seen_fragments = self.forged(fragment=True)
        if seen or seen_fragments:
            raise Failure(f"{seen} of {sent} forged clear packets and {seen_fragments} fragmented ones reached a socket {when}")
        if counted and (after := self.counters().get("clear_in", 0)) - before < sent + more // 2:
            raise Failure(f"{sent} forged packets and {more} fragments were sent {when}, but clear_in went from {before} to {after}")
        self.forget(begun)

    def forget(self, begun):
        """The captures up to now were looked at before `begun`; what came after was ours."""
        del begun
        time.sleep(0.2)
        self.since = time.time()


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


def play_case(lab, name):
    outer = "v6" if "v6" in name else "v4"
    kind = "host" if "host" in name else "net"
    extra = 'fail_closed = { after_stop = "closed" }\n' if "stay" in name else ""
    closed = Closed(lab, outer, kind, encap="encap" in name, extra=extra)
    life(closed)
    return closed


NAMES = ["closed-net-v4", "closed-net-v6-stay", "closed-host-v4", "closed-host-v6", "closed-host-v4-encap"]


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    begun = time.monotonic()
    with Lab(keep=keep) as lab:
        logs = []
        try:
            play_case(lab, name)
            return True, f"{time.monotonic() - begun:.1f} s; not one clear packet"
        except Exception as why:  # every failure is reported with the logs, whatever raised it
            for host in lab.hosts.values():
                path = host.folder / "sallyportd.log"
                if path.exists():
                    logs.append(f"---- log of {host.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-40:]))
            return False, f"{type(why).__name__}: {why}\n" + "\n".join(logs)
