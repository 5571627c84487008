"""Clients behind one NAT that use the very same ports to one server, in transport mode: by filters, and by a connection."""
import subprocess

from . import capture, isolation
from .gateways import NAT_CLIENTS, NAT_SERVER, Failure, clients_behind_nat, sas
from .isolation import Member
from .pki import Authority
from .space import wait_until

OPEN, SERVICE, L2TP, SOURCE = 7007, 5555, 1701, 40000

# Answers with the remote port that it sees, and what was asked in capitals.
SERVER = """
import socket, sys, threading
def talk(c, peer):
    with c:
        while data := c.recv(2000):
            c.sendall(b"%d " % peer[1] + data.upper())
def listen(port):
    s = socket.create_server((sys.argv[1], port))
    def run():
        while True: threading.Thread(target=talk, args=s.accept(), daemon=True).start()
    threading.Thread(target=run, daemon=True).start()
for port in sys.argv[3:]: listen(int(port))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
print("bound", flush=True)
while True:
    data, peer = s.recvfrom(2000)
    s.sendto(b"%d " % peer[1] + data.upper(), peer)
"""

# How many of five answers came that are its own, and the ports that the server saw.
CLIENT = """
import socket, sys, time
protocol, address, port, source, text, patience = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5].encode(), float(sys.argv[6])
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", source))
s.settimeout(patience)
got, ports = 0, set()
try:
    s.connect((address, port))
    for i in range(5):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            s.send(text)
            s.settimeout(patience if protocol == "tcp" else 0.5)
            try:
                seen, said = s.recv(2000).split(b" ", 1)
            except (TimeoutError, ConnectionRefusedError):
                continue
            got += said == text.upper()
            ports.add(int(seen))
            break
        time.sleep(0.1)
except OSError:
    pass
print(got, *sorted(ports))
"""


class Asking:
    """What both clients ask at once, of one port and from one port."""

    def __init__(self, hosts):
        self.hosts = hosts
        process = hosts["server"].start(["/usr/bin/python3", "-c", SERVER, NAT_SERVER, L2TP, OPEN, SERVICE], stdout=subprocess.PIPE, text=True)
        process.stdout.readline()

    def ask(self, protocol, port, source, patience=10):
        """How many answers each got, and the ports that the server saw."""
        asking = {name: self.hosts[name].start(["/usr/bin/python3", "-c", CLIENT, protocol, NAT_SERVER, port, source, f"from-{name}", patience],
                                               stdout=subprocess.PIPE, text=True) for name in NAT_CLIENTS}
        words = {name: [int(word) for word in process.communicate(timeout=90)[0].split()] for name, process in asking.items()}
        return {name: told[0] if told else 0 for name, told in words.items()}, [told[1:] for told in words.values()]

    def require(self, protocol, port, source):
        answers, ports = self.ask(protocol, port, source)
        if set(answers.values()) != {5}:
            raise Failure(f"{protocol} from port {source} to {port}: of 5 answers {answers}")
        if any(len(seen) != 1 for seen in ports) or len({seen[0] for seen in ports}) != 2 or [source] not in ports:
            raise Failure(f"{protocol} from port {source} to {port}: the server saw {ports}")


def watched(server, talk):
    """What the server's wire held meanwhile besides IKE and ESP, or a text that was said."""
    eye = capture.Capture(server, "wan", name="ports")
    talk()
    path = eye.stop()
    shown = sum(text in data for name in NAT_CLIENTS for text in (f"from-{name}".encode(), f"FROM-{name.upper()}".encode())
                for _, _, data in capture.packets(path))
    if shown or capture.clear_packets(path):
        raise Failure(f"in the clear: {capture.clear_packets(path)}, the text {shown} times")


def by_filters(lab):
    """conf/transport-required.toml with certificates, and a service for one member: the second client alone."""
    hosts = clients_behind_nat(lab, NAT_CLIENTS)
    authority = Authority(lab.folder / "pki", "ecdsa")
    service = "".join(f"""
[[filter]]
name      = "service: {action}"
layer     = "ALE_AUTH_RECV_ACCEPT"
action    = "{action}"
condition = {{ IP_PROTOCOL = "tcp", IP_LOCAL_PORT = {SERVICE}{who} }}
""" for action, who in (("IPSEC_INBOUND_INITIATE_SECURE", ', ALE_REMOTE_MACHINE_ID = ["O=Example, CN=second.example"]'), ("BLOCK", "")))
    members = {}
    for name, host in hosts.items():
        certificate, key = authority.leaf(f"{name}.example", "ecdsa")

        def policy(text):
            auth = '{ method = "cert", certificate = "own.pem", key = "own.key", ca = "ca.pem" }'
            text = text.replace('{ method = "psk", secret = "machines.psk" }', auth)
            return text.replace('["192.0.2.0/24", "2001:db8:1::/64"]', '["203.0.113.0/24"]') + (service if name == "server" else "")
        files = {"own.pem": certificate, "own.key": key, "ca.pem": authority.certificate}
        members[name] = Member(host, "transport-required.toml", files, policy).start()
    asking = Asking(hosts)

    def talk():
        asking.require("tcp", OPEN, SOURCE)
        asking.require("udp", L2TP, L2TP)
        answers, _ = asking.ask("tcp", SERVICE, SOURCE, 3)
        if answers != {"first": 0, "second": 5}:
            raise Failure(f"the service for the second client answers {answers}")
    watched(hosts["server"], talk)
    there = sas(members["server"])
    if any(not child["udp_encap"] or child["mode"] != "transport" for _, child in there):
        raise Failure(f"the server's SAs are {there}")
    return "two clients behind one NAT talk from the same ports over TCP and UDP, and a certificate still tells which of them may"


def by_connection(lab):
    """One connection for both: L2TP's port at the server, any port at the clients."""
    hosts = clients_behind_nat(lab, NAT_CLIENTS)
    members = {}
    for name, host in hosts.items():
        ends = (f'local = {{ address = "{NAT_SERVER}", id = "server" }}\nremote = {{ address = "any", id = "any" }}' if name == "server" else
                f'local = {{ address = "{NAT_CLIENTS[name]}", id = "{name}" }}\nremote = {{ address = "{NAT_SERVER}", id = "server" }}')
        child = ('local = ["203.0.113.2/32[udp/1701]"]\nremote = ["203.0.113.0/24[udp]"]' if name == "server" else
                 'local = ["[udp/1701]"]\nremote = ["[udp/1701]"]\nstart = "up"')
        text = f'[connection.l2tp]\n{ends}\nauth = {{ method = "psk", secret = "l2tp.psk" }}\n[connection.l2tp.child.udp]\nmode = "transport"\n{child}\n'
        members[name] = Member(host, "transport-required.toml", {"l2tp.psk": "a secret of many clients\n"}, lambda _, text=text: text).start()
    wait_until(lambda: len(sas(members["server"])) == 2, 20, "both clients to have their SAs")
    asking = Asking(hosts)
    watched(hosts["server"], lambda: asking.require("udp", L2TP, L2TP))
    return "two clients behind one NAT talk L2TP's way, UDP from port 1701 to 1701, by one connection, each with its own answers"


SCENARIOS = {"nat-same-ports": by_filters, "nat-same-ports-connection": by_connection}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    return isolation.play(name, keep, SCENARIOS)
