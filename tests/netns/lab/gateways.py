"""Tunnels of the filter engine's policy between gateways, and a host's own: what crosses the wire, what is let in.

    host-a (net A) --- gate-a --- wire --- gate-b --- (net B) host-b        every line with IPv4 and IPv6
"""
import json
import os
import subprocess
import time

from . import capture
from .isolation import PROTOCOLS, SPEAKER, Failure, Member, Stage, every_way
from .space import Lab, wait_until
from .traffic import BUILD

FAMILIES = ("v4", "v6")
PORT = 7007
ADDRESSES = {
    "host-a": {"v4": "10.1.0.5", "v6": "2001:db8:1::5"},
    "host-b": {"v4": "10.2.0.5", "v6": "2001:db8:2::5"},
    "gate-a": {"v4": "10.1.0.1", "v6": "2001:db8:1::1"},
    "gate-b": {"v4": "10.2.0.1", "v6": "2001:db8:2::1"},
}
OUTER = {"gate-a": {"v4": "192.0.2.1", "v6": "2001:db8:f::1"}, "gate-b": {"v4": "192.0.2.2", "v6": "2001:db8:f::2"}}


class Nets:
    """Four hosts. wire: the middle one may be replaced by whoever joins the two gateways."""

    def __init__(self, lab, join=None):
        self.lab = lab
        self.hosts = {name: lab.host(name) for name in ADDRESSES}
        for side in ("a", "b"):
            inside, gate = self.hosts[f"host-{side}"], self.hosts[f"gate-{side}"]
            own, way = ADDRESSES[f"host-{side}"], ADDRESSES[f"gate-{side}"]
            lab.wire(inside, "lan", gate, "lan", [own["v4"] + "/16", own["v6"] + "/48"], [way["v4"] + "/16", way["v6"] + "/48"])
            inside.ip(f"route add default via {way['v4']}")
            inside.ip(f"-6 route add default via {way['v6']}")
            gate.forward()
        self.outer = OUTER
        (join or Nets.join)(self)

    def join(self):
        a, b = self.hosts["gate-a"], self.hosts["gate-b"]
        ends = [[self.outer[gate]["v4"] + "/24", self.outer[gate]["v6"] + "/64"] for gate in ("gate-a", "gate-b")]
        self.lab.wire(a, "wan", b, "wan", *ends)
        for gate, other in ((a, "gate-b"), (b, "gate-a")):
            gate.ip(f"route add default via {self.outer[other]['v4']}")
            gate.ip(f"-6 route add default via {self.outer[other]['v6']}")
            gate.run(["ethtool", "-K", "wan", "tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off"], check=False)
        wait_until(lambda: a.ping(self.outer["gate-b"]["v4"], 1) and a.ping(self.outer["gate-b"]["v6"], 1), 10, "the wire to carry packets")

    def serve(self, name):
        for family in FAMILIES:
            for protocol in PROTOCOLS:
                process = self.hosts[name].start(["/usr/bin/python3", "-c", SPEAKER, "serve", protocol, ADDRESSES[name][family], PORT],
                                                 stdout=subprocess.PIPE, text=True)
                process.stdout.readline()

    def ask(self, client, server, family, protocol, text, patience=8):
        done = self.hosts[client].run(["/usr/bin/python3", "-c", SPEAKER, "ask", protocol, ADDRESSES[server][family], PORT, text, patience],
                                      timeout=patience * 2 + 10, check=False)
        return int(done.stdout.split()[0]) if done.stdout.split() else 0

    def require(self, client, server, wanted, patience=8, families=FAMILIES, watch="gate-b"):
        """wanted: None (no answer, and no text on the wire from a gateway), "secured" or "clear"."""
        def question(family, protocol):
            text = f"{client}-{server}-{family}-{protocol}-{time.monotonic_ns()}"
            eye = capture.Capture(self.hosts[watch], "wan", name=text)
            answers = self.ask(client, server, family, protocol, text, patience)
            path = eye.stop()
            shown = sum(text.encode() in data or text.upper().encode() in data for _, _, data in capture.packets(path))
            what = f"{client} to {server} by {protocol} over {family}"
            if (wanted is not None) != bool(answers):
                raise Failure(f"{what}: {answers} answers, wanted {wanted}")
            if wanted == "clear" and not shown:
                raise Failure(f"{what}: the wire does not show the text, which should be in the clear")
            if wanted != "clear" and shown:
                raise Failure(f"{what}: the wire shows the text {shown} times in the clear")
            if wanted == "secured" and not capture.sealed(path):
                raise Failure(f"{what}: the wire shows no ESP")
        every_way(question, wanted is None, families)


def sas(member):
    """(peer, Child SA) of all IKE SAs."""
    return [(ike["remote"], child) for ike in member.status()["ike_sas"] for child in ike["children"]]


def exchanged(text):
    """Gateway B's file from gateway A's."""
    for a, b in (("192.0.2.1", "192.0.2.2"), ("10.1.0.0", "10.2.0.0"), ("2001:db8:1:", "2001:db8:2:")):
        text = text.replace(a, "\0").replace(b, a).replace("\0", b)
    return text.replace('["192.0.2.1", "198.51.100.2"]', '"192.0.2.1"')


SECRET = {"gateways.psk": "a secret between the two gateways\n"}


def gateway(lab):
    """conf/tunnel-gateway.toml on both gateways: hosts behind them talk, nobody gets in beside the tunnel."""
    nets = Nets(lab)
    for name in ("host-a", "host-b", "gate-b"):
        nets.serve(name)
    nets.require("host-a", "host-b", "clear")
    gates = {"gate-a": Member(nets.hosts["gate-a"], "tunnel-gateway.toml", SECRET).start()}
    # One gateway alone: nothing passes in either direction, and nothing leaves it in the clear.
    nets.require("host-a", "host-b", None, patience=2, watch="gate-a")
    for family in FAMILIES:
        eye = capture.Capture(nets.hosts["host-a"], "lan", name=f"claims-{family}")
        nets.ask("host-b", "host-a", family, "udp", f"a-claim-by-{family}", 2)
        if any(f"a-claim-by-{family}".encode() in data for _, _, data in capture.packets(eye.stop())):
            raise Failure(f"a clear packet of the other network came in over {family}")
    gates["gate-b"] = Member(nets.hosts["gate-b"], "tunnel-gateway.toml", SECRET, exchanged).start()
    # Its own attempt is not answered before it is sent again; the other side begins at once.
    wait_until(lambda: nets.hosts["host-b"].ping(ADDRESSES["host-a"]["v4"], 1) and nets.hosts["host-b"].ping(ADDRESSES["host-a"]["v6"], 1),
               30, "the tunnel to come up")
    nets.require("host-a", "host-b", "secured")
    nets.require("host-b", "host-a", "secured")
    # The gateway's own traffic, from its inner address: host to network.
    for family in FAMILIES:
        if nets.hosts["gate-a"].ping(ADDRESSES["host-b"][family], source=ADDRESSES["gate-a"][family]) != 3:
            raise Failure(f"gate-a does not reach host-b over {family} by its inner address")
    nets.require("host-a", "gate-b", "secured")
    peers = {peer for peer, _ in sas(gates["gate-a"])}
    told = json.loads(gates["gate-a"].command("explain", ADDRESSES["host-a"]["v4"], ADDRESSES["host-b"]["v4"], "tcp", PORT, "--json", check=True).stdout)
    if told["action"] != "PROTECT" or int(told["spi_out"], 16) == 0:
        raise Failure(f"explain tells {told}")
    if len([ike for ike in gates["gate-a"].status()["ike_sas"] if ike["children"]]) != 1:
        raise Failure(f"there is not one IKE SA for both IP versions inside: {peers}")
    # A large packet, and one that may not be cut.
    if nets.hosts["host-a"].ping(ADDRESSES["host-b"]["v4"], size=4000) != 3:
        raise Failure("large packets do not pass")
    # The gateway's daemon dies: nothing in the clear, either way.
    gates["gate-a"].kill()
    nets.require("host-a", "host-b", None, patience=2, watch="gate-a")
    gates["gate-a"].start()
    wait_until(lambda: nets.hosts["host-a"].ping(ADDRESSES["host-b"]["v4"], 1), 40, "the tunnel to come back")
    nets.require("host-a", "host-b", "secured", patience=15)
    for gate in gates.values():
        gate.stop()
    nets.require("host-a", "host-b", "clear")
    return "TCP and UDP over IPv4 and IPv6 between the networks in ESP only; clear packets of the other network are not let in; closed after a crash"


def program_tunnel(lab):
    """tunnel_host on two hosts: the vendor's tunnel mode by the C interface carries what they say to each other."""
    program = BUILD / "tests" / "netns" / "tunnel_host"
    if not program.exists():
        raise Failure(f"{program} is not built")
    stage = Stage(lab, ("alice", "bob"))
    stage.serve("alice")
    stage.serve("bob")
    running = {}
    for name, other in (("alice", "bob"), ("bob", "alice")):
        member = stage.member(name, "transport-required.toml", change=lambda text: "")
        words = stage.host(name).enter([program, stage.wire.address(name, "v4"), stage.wire.address(other, "v4"), "a secret of programs"])
        running[name] = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                         env={**os.environ, "SALLYPORT_SOCKET": str(member.socket)})
        lab.processes.append(running[name])
        said = running[name].stdout.readline().strip()
        if said != "installed 6":
            raise Failure(f"the program at {name} said \"{said}\" and ended with {running[name].poll()}")

    def asked(text):
        answers, shown, esp = 0, 0, 0
        for client, server in (("alice", "bob"), ("bob", "alice")):
            for protocol in PROTOCOLS:
                eye = capture.Capture(stage.host("alice"), "wan", name=f"{text}-{client}-{protocol}")
                answers += bool(stage.ask(client, server, "v4", protocol, text, 12)[0])
                path = eye.stop()
                shown += sum(text.encode() in data or text.upper().encode() in data for _, _, data in capture.packets(path))
                esp += capture.sealed(path)
        return answers, shown, esp
    answers, shown, esp = asked("inside-the-tunnel")
    if answers != 4 or shown or not esp:
        raise Failure(f"{answers} of 4 answers, {esp} packets of ESP, the text shows {shown} times")
    modes = {child["mode"] for _, child in sas(stage.members["alice"])}
    if modes != {"tunnel"}:
        raise Failure(f"the SAs are {modes}")
    for name, process in running.items():
        process.stdin.close()
        said = process.stdout.readline().strip()
        if said != "left 0" or process.wait(10) != 0:
            raise Failure(f"the program at {name} said \"{said}\" in the end")
    wait_until(lambda: not sas(stage.members["alice"]), 10, "the SAs to go with their tunnel")
    answers, shown, esp = asked("without-the-tunnel")
    if answers != 4 or not shown:
        raise Failure(f"after the tunnel {answers} of 4 answers, the text shows {shown} times")
    return "a tunnel that two C programs made carries TCP and UDP in ESP; deleted by its key it leaves no filter and no SA"


NAT_CLIENTS = {"first": "192.168.7.11", "second": "192.168.7.12"}
NAT_SERVER, NAT_ADDRESS = "203.0.113.2", "203.0.113.1"


def clients_behind_nat(lab, names):
    """Hosts of these names and addresses behind one NAT, and a server outside: all by name."""
    router, server, lan = lab.host("router"), lab.host("server"), lab.host("lan")
    lan.ip("link add lan type bridge")
    lan.ip("link set lan up")
    lab.wire(router, "lan", lan, "uplink", ["192.168.7.1/24"])
    lan.ip("link set uplink master lan")
    lab.wire(router, "net", server, "wan", [f"{NAT_ADDRESS}/24"], [f"{NAT_SERVER}/24"])
    router.forward()
    router.masquerade("net")
    hosts = {"server": server}
    for name, address in names.items():
        host = hosts[name] = lab.host(name)
        lab.wire(host, "wan", lan, name, [f"{address}/24"])
        lan.ip(f"link set {name} master lan")
        host.ip("route add default via 192.168.7.1")
        wait_until(lambda: host.ping(NAT_SERVER, 1), 10, "the router to carry packets")
    for host in hosts.values():
        host.run(["ethtool", "-K", "wan", "tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off"], check=False)
    return hosts


def through_nat(lab):
    """Transport mode by filters: two clients behind one NAT and a server outside, AH preferred by all."""
    clients, server_address = NAT_CLIENTS, NAT_SERVER
    hosts = clients_behind_nat(lab, clients)
    server = hosts["server"]
    servers = []
    for protocol in PROTOCOLS:
        servers.append(server.start(["/usr/bin/python3", "-c", SPEAKER, "serve", protocol, server_address, PORT], stdout=subprocess.PIPE, text=True))
        servers[-1].stdout.readline()

    def policy(text):
        return text.replace('["192.0.2.0/24", "2001:db8:1::/64"]', '["203.0.113.0/24"]').replace('esp = ["aes128gcm16"]', 'ah = ["sha256"]\nesp = ["aes128gcm16"]')
    files = {"machines.psk": "a secret of three machines\n"}
    members = {name: Member(host, "transport-required.toml", files, policy).start() for name, host in hosts.items()}
    eye = capture.Capture(server, "wan", name="nat")
    for protocol in PROTOCOLS:
        # Both at once, for a while: their packets mix.
        asking = {name: hosts[name].start(["/usr/bin/python3", "-c", SPEAKER, "ask", protocol, server_address, PORT, f"from-{name}", 15, 8],
                                          stdout=subprocess.PIPE, text=True) for name in clients}
        for name, process in asking.items():
            words = process.communicate(timeout=150)[0].split()
            if not words or int(words[0]) != 8:
                raise Failure(f"{name} by {protocol}: {words[:1]} of 8 answers")
    path = eye.stop()
    shown = sum(f"from-{name}".encode() in data or f"FROM-{name.upper()}".encode() in data for name in clients for _, _, data in capture.packets(path))
    there = sas(members["server"])
    ports = {peer.rsplit(":", 1)[1] for peer, _ in there}
    if shown or capture.clear_packets(path):
        raise Failure(f"in the clear: {capture.clear_packets(path)}, the text {shown} times")
    if len(ports) != 2 or any(child["protocol"] != "ESP" or not child["udp_encap"] or child["mode"] != "transport" for _, child in there):
        raise Failure(f"the server's SAs are {there}")
    return "TCP and UDP of two clients behind one NAT in ESP in UDP, AH passed over, each answered by its own port of encapsulation"


def gateway_through_nat(lab):
    """conf/tunnel-gateway.toml with gateway A behind a NAT."""
    outer = {"gate-a": "192.168.7.2", "nat": "203.0.113.1", "gate-b": "203.0.113.2"}
    router = lab.host("router")

    def join(nets):
        a, b = nets.hosts["gate-a"], nets.hosts["gate-b"]
        lab.wire(a, "wan", router, "lan", [f"{outer['gate-a']}/24"], ["192.168.7.1/24"])
        lab.wire(router, "net", b, "wan", [f"{outer['nat']}/24"], [f"{outer['gate-b']}/24"])
        router.forward()
        router.masquerade("net")
        a.ip("route add default via 192.168.7.1")
        b.ip(f"route add default via {outer['nat']}")
        for host in (a, b):
            host.run(["ethtool", "-K", "wan", "tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off"], check=False)
        wait_until(lambda: a.ping(outer["gate-b"], 1), 10, "the router to carry packets")
    nets = Nets(lab, join)
    for name in ("host-a", "host-b"):
        nets.serve(name)
    ends = {"gate-a": ("gate-a", "gate-b"), "gate-b": ("gate-b", "nat")}
    gates = {}
    for gate, (own, peer) in ends.items():
        def change(text, gate=gate, own=own, peer=peer):
            text = exchanged(text) if gate == "gate-b" else text
            here, there = ("192.0.2.1", "192.0.2.2") if gate == "gate-a" else ("192.0.2.2", "192.0.2.1")
            return text.replace(f'"{here}"', f'"{outer[own]}"').replace(f'"{there}"', f'"{outer[peer]}"')
        gates[gate] = Member(nets.hosts[gate], "tunnel-gateway.toml", SECRET, change).start()
    nets.require("host-a", "host-b", "secured")
    nets.require("host-b", "host-a", "secured")
    there = sas(gates["gate-b"])
    if not there or any(not child["udp_encap"] for _, child in there):
        raise Failure(f"gate-b's SAs are {there}")
    return "both networks reach each other by a tunnel in UDP through the NAT, over IPv4 and IPv6"


SCENARIOS = {
    "tunnel-gateway": gateway,
    "tunnel-program": program_tunnel,
    "nat-clients": through_nat,
    "nat-gateway": gateway_through_nat,
}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    with Lab(keep) as lab:
        try:
            return True, SCENARIOS[name](lab)
        except (Failure, RuntimeError, TimeoutError, subprocess.SubprocessError) as problem:
            logs = [f"--- {host.name}\n" + "\n".join((host.folder / "sallyportd.log").read_text().splitlines()[-25:])
                    for host in lab.hosts.values() if (host.folder / "sallyportd.log").exists()]
            return False, "\n".join([str(problem), *logs])
