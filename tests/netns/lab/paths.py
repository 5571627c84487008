"""What the path does to our packets: a router with a small link between the two ends, and an eye that counts lengths.

path-mtu-*: packets that say "do not fragment" are lost once, the router's ICMP error reaches the SA, and the sender of the inner packet
is told a size that fits. path-cut-*: packets without DF are cut by the router and put together again before ESP.
tfc-*: every ESP packet has one length, and pauses are filled with dummies that the receiver counts and drops.
ecn-*: the table of RFC 6040 4.2, cell by cell, with a router that rewrites the field. header-*: DSCP, ECN and DF of the outer header.
"""
import dataclasses
import re
import struct
import subprocess
import sys
import time

from . import capture, judges
from .connection import Connection, End
from .modes import TALKERS, Failure, logs_of
from .sallyport import Sallyport
from .space import Lab, Plan, wait_until

SMALL = 1300
HEADER_OF = {"v4": 28, "v6": 48}


@dataclasses.dataclass
class Path:
    name: str
    outer: str = "v4"
    kind: str = "tunnel"
    encap: bool = False
    child: dict = dataclasses.field(default_factory=dict)
    small: int = SMALL
    workers: int = 1


HOST = {"mode": "transport", "local": None, "remote": None}
AH = {"ah": ["sha256"], "esp": None}
MTU = [Path("path-mtu-v4"), Path("path-mtu-v6", "v6"), Path("path-mtu-v4-encap", encap=True), Path("path-mtu-v6-encap", "v6", encap=True),
       Path("path-mtu-v4-ah", child=AH), Path("path-mtu-v6-ah", "v6", child=AH), Path("path-mtu-v4-transport", kind="host", child=HOST),
       # Nobody is told less than 1280 octets over IPv6, so what does not fit then would be cut.
       Path("path-mtu-v6-transport", "v6", kind="host", child=HOST, small=1360)]
CLEAR = {"header": {"df": "clear"}}
CUT = [Path("path-cut-v4", child=CLEAR), Path("path-cut-v4-encap", encap=True, child=CLEAR), Path("path-cut-v4-ah", child={**AH, **CLEAR})]
TFC = [Path("tfc-v4", child={"tfc": {"pad": 1000, "dummies": "200ms"}}),
       Path("tfc-v6-encap", "v6", encap=True, child={"tfc": {"pad": 1000, "dummies": "200ms"}})]

ECN = [Path("ecn-v4"), Path("ecn-v6-encap", "v6", encap=True), Path("ecn-v4-encap", encap=True), Path("ecn-v4-ah", child=AH)]
# DSCP 46 and ECT(1) inside, with and without DF: (options, outer TOS, outer DF with DF inside, without).
HEADERS = [({}, 0xB9, True, False), ({"ecn": False, "df": "set"}, 0xB8, True, True), ({"dscp": 10, "df": "clear"}, 10 << 2 | 1, False, False)]
HEADER = [Path(f"header-{encap}{number}", encap=encap == "encap-", child={"header": options}) for encap in ("", "encap-")
          for number, (options, *_) in enumerate(HEADERS)]


class Road:
    """east --- router --- west, the second link small if asked for."""

    def __init__(self, lab, path, small):
        self.lab, self.path, self.small = lab, path, small
        self.plan = plan = Plan(lab, path.outer, routed=True)
        plan.cut_before_the_wire()
        if small:
            for host, device in ((plan.router, "net"), (plan.west, "wan")):
                host.ip(f"link set {device} mtu {small}")
        east = End("east.example", plan.east_address, plan.nets["east"])
        west = End("west.example", plan.west_address, plan.nets["west"])
        connection = Connection(east, west, encap=path.encap, offloads=False, child=dict(path.child))
        self.east, self.west = (Sallyport(plan.host(side), connection, side, key_log=True, daemon=f"workers = {path.workers}") for side in ("east", "west"))
        host = path.kind == "host"
        self.ours, self.theirs = (plan.east_address, plan.west_address) if host else (plan.inner("east"), plan.inner("west"))
        self.family = path.outer if host else "v4"
        self.far = capture.Capture(plan.west, "wan", name="far")
        self.near = capture.Capture(plan.east, "wan", name="near")
        self.west.start()
        self.east.start()
        done = self.east.up()
        if done.returncode != 0:
            raise Failure(f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-600:]}")

    def ping(self, octets, df, count=1):
        """octets: of the whole IP packet. Returns ping's output."""
        words = ["ping", "-n", "-c", count, "-i", "0.2", "-W", "1", "-M", "do" if df else "dont", "-s", octets - HEADER_OF[self.family], "-I", self.ours]
        return self.plan.east.run([*words, self.theirs], check=False, timeout=30).stdout

    def answered(self, octets, df):
        return " 1 received" in self.ping(octets, df)

    def serve(self):
        served = self.plan.west.start([sys.executable, "-c", TALKERS, "serve", self.theirs, 7100], stdout=subprocess.PIPE, text=True)
        served.stdout.readline()
        said = self.plan.east.run([sys.executable, "-c", TALKERS, "ask", self.theirs, 7100], check=False, timeout=60)
        if said.stdout.strip() != "right":
            raise Failure(f"TCP over the small link: {said.stdout}{said.stderr[-300:]}")


def _lengths(path, source, since=0.0):
    """(seconds, kind, octets of the IP packet, is it a fragment) of the packets of one end, or of both, in a capture."""
    found = []
    for seconds, link, data in capture.packets(path):
        ethertype, packet = capture.network_layer(link, data)
        kind = capture.classify(ethertype, packet)
        if seconds < since or kind not in ("esp", "ah", "esp-udp", "fragment"):
            continue
        if source and str(capture.dissect(ethertype, packet)[0]) != source:
            continue
        v4 = ethertype == capture.IPV4
        octets = struct.unpack("!H", packet[2:4])[0] if v4 else 40 + struct.unpack("!H", packet[4:6])[0]
        fragment = bool(struct.unpack("!H", packet[6:8])[0] & 0x3FFF) if v4 else packet[6] == 44
        found.append((seconds, kind, octets, fragment))
    return found


def mtu_case(road):
    if not road.answered(500, True):
        raise Failure("a small packet does not pass")
    first = road.ping(1380, True)
    if " 1 received" in first:
        raise Failure("a packet larger than the small link passed unfragmented: the test itself is broken")

    def told():
        seen = re.search(r"mtu ?= ?(\d+)", road.ping(1380, True), re.I)
        return int(seen.group(1)) if seen else 0
    size = wait_until(told, 8, "the sender of inner packets to be told a smaller size")
    if not road.small - 120 <= size < road.small:
        raise Failure(f"the inner side was told {size}, with {road.small} outside")
    if not road.answered(size, True):
        raise Failure(f"a packet of the told size {size} does not pass")
    since = time.time()
    road.serve()
    road.near.stop()
    road.far.stop()
    lengths = _lengths(road.near.path, road.plan.east_address, since)
    largest = max(octets for _, _, octets, _ in lengths)
    if largest > road.small or any(fragment for *_, fragment in lengths) or largest < road.small - 40:
        raise Failure(f"after the error the largest outer packet had {largest} octets, fragments: {sum(f for *_, f in lengths)} of {len(lengths)}")
    return f"inner size {size}, largest outer packet {largest} of {road.small}"


def cut_case(road):
    # West's own link is the small one: an AH packet too long for it is lost, and the next one cut.
    wait_until(lambda: road.answered(1380, True), 5, "a packet with DF to pass where the outer one has none")
    for df in (True, False):
        if not road.answered(1380, df):
            raise Failure(f"a packet with{'' if df else 'out'} DF does not pass where the outer one has none")
    road.serve()
    road.near.stop()
    road.far.stop()
    near, far = ([entry for entry in _lengths(one.path, road.plan.east_address) if entry[3]] for one in (road.near, road.far))
    if len(far) < 10 or near:
        raise Failure(f"{len(far)} fragments beyond the router, {len(near)} before it")
    return f"{len(far)} fragments beyond the router"


def tfc_case(road):
    inner = capture.Capture(road.plan.west, "sallyport0")
    for octets in (84, 300, 700, 1000):
        if not road.answered(octets, True):
            raise Failure(f"a packet of {octets} octets does not pass")
    pause = time.time()
    time.sleep(2.0)
    road.near.stop()
    inner.stop()
    lengths = _lengths(road.near.path, None)
    sizes = {octets for _, _, octets, _ in lengths}
    if len(sizes) != 1:
        raise Failure(f"lengths on the wire: {sorted(sizes)}")
    quiet = sum(1 for seconds, *_ in lengths if seconds > pause + 0.2)
    # Both ends fill pauses: about ten each in two seconds.
    if not 10 <= quiet <= 24:
        raise Failure(f"{quiet} packets in a pause of 2 s, expected about 18 dummies")
    dropped = dict(road.west.status()["drops"]).get("dummy_packet", 0)
    if not quiet // 2 - 3 <= dropped:
        raise Failure(f"west counted {dropped} dummies, {quiet} packets of both ends were on the wire")
    carried = judges.inner_packets(inner.path)
    if any(packet[9 if packet[0] >> 4 == 4 else 6] != 1 for packet in carried if packet[0] >> 4 == 4) or len(carried) < 8:
        raise Failure(f"the inner side of west saw {len(carried)} packets, not only the pings")
    late = [data for seconds, link, data in capture.packets(inner.path) if seconds > pause + 0.2]
    if late:
        raise Failure(f"{len(late)} packets came out at west during the pause")
    return f"all {len(lengths)} ESP packets of {sizes.pop()} octets, {quiet} dummies in the pause, {dropped} counted by west"


# Columns: outer Not-ECT, ECT(1), ECT(0), CE; rows: inner, the same. 4: dropped. RFC 6040 figure 4.
CELLS = ((0, 0, 0, 4), (1, 1, 1, 3), (2, 1, 2, 3), (3, 3, 3, 3))


def ecn_case(road):
    router, v6 = road.plan.router, road.path.outer == "v6"
    inner = capture.Capture(road.plan.west, "sallyport0", expression="icmp[0]==8")
    router.nft("add table inet mangle")
    router.nft("add chain inet mangle f { type filter hook forward priority 0 ; }")
    expected = []
    for outer in range(4):
        router.nft("flush chain inet mangle f")
        router.nft(f'add rule inet mangle f iifname "lan" {"ip6" if v6 else "ip"} ecn set {outer}')
        for marked in range(4):
            size = 100 + outer * 4 + marked  # says which cell it was
            road.plan.east.run(["ping", "-n", "-c", "1", "-W", "0.3", "-Q", str(0xB8 | marked), "-s", size, "-I", road.ours, road.theirs], check=False)
            if (cell := CELLS[marked][outer]) != 4:
                expected.append((size + 28, 0xB8 | cell))
    inner.stop()
    seen = [(len(packet), packet[1]) for packet in judges.inner_packets(inner.path)]
    if seen != expected:
        raise Failure(f"(length, TOS) inside: {seen}, expected {expected}")
    dropped = dict(road.west.status()["drops"]).get("ecn_ce_on_not_ect", 0)
    if dropped != 1:
        raise Failure(f"west counted {dropped} packets whose inner side knows no ECN and whose outer side says CE")
    return "16 cells"


def header_case(road):
    _, tos, with_df, without = HEADERS[int(road.path.name[-1])]
    for df in (True, False):
        since = time.time()
        words = ["ping", "-n", "-c", "1", "-W", "1", "-Q", "0xb9", "-M", "do" if df else "dont", "-I", road.ours, road.theirs]
        if " 1 received" not in road.plan.east.run(words, check=False).stdout:
            raise Failure(f"no answer with{'' if df else 'out'} DF")
        time.sleep(0.2)
        seen = {(packet[1], bool(packet[6] & 0x40)) for seconds, link, data in capture.packets(road.near.path) if seconds >= since
                for ethertype, packet in [capture.network_layer(link, data)] if capture.classify(ethertype, packet) in ("esp", "esp-udp")
                and str(capture.dissect(ethertype, packet)[0]) == road.plan.east_address}
        if seen != {(tos, with_df if df else without)}:
            raise Failure(f"outer (TOS, DF) {seen}, expected {tos:#x} and {with_df if df else without} with{'' if df else 'out'} DF inside")
    return f"TOS {tos:#x}"


CASES = {path.name: (path, case) for paths, case in ((MTU, mtu_case), (CUT, cut_case), (TFC, tfc_case), (ECN, ecn_case), (HEADER, header_case)) for path in paths}
NAMES = list(CASES)


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    begun = time.monotonic()
    path, case = CASES[name]
    with Lab(keep=keep) as lab:
        try:
            text = case(Road(lab, path, path.small if case in (mtu_case, cut_case) else 0))
            return True, f"{time.monotonic() - begun:.1f} s; {text}"
        except Exception as why:  # every failure is reported with the logs, whatever raised it
            return False, f"{type(why).__name__}: {why}\n{logs_of(lab)}"
