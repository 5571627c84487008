"""Isolation policies of conf/ on hosts that share one wire: who may talk to whom, and what the wire held meanwhile.

Every host has an IPv4 and an IPv6 address; every question is asked over TCP and UDP, with a text that a capture would show.
"""
import itertools
import json
import os
import pathlib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from . import capture
from .pki import Authority
from .sallyport import Sallyport, _toml
from .space import Lab, wait_until
from .traffic import BUILD

CONF = pathlib.Path(__file__).resolve().parents[3] / "conf"
FAMILIES = ("v4", "v6")
PROTOCOLS = ("tcp", "udp")
PORT, SERVICE = 7007, 5555

SPEAKER = """
import socket, sys, threading, time
verb, protocol, address, port = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
def answer(c):
    with c:
        while True:
            data = c.recv(2000)
            if not data: return
            c.sendall(data.upper())
if verb == "serve":
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if kind == socket.SOCK_STREAM: s.listen(64)
    print("bound", flush=True)
    while True:
        if kind == socket.SOCK_STREAM:
            c, _ = s.accept()
            threading.Thread(target=answer, args=(c,), daemon=True).start()
        else:
            data, peer = s.recvfrom(2000)
            s.sendto(data.upper(), peer)
text, patience = sys.argv[5].encode(), float(sys.argv[6])
rounds = int(sys.argv[7]) if len(sys.argv) > 7 else 1
begin = time.monotonic()
s = socket.socket(family, kind)
s.settimeout(patience)
got = 0
try:
    s.connect((address, port))
    for i in range(rounds):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            s.send(text)
            s.settimeout(1 if kind == socket.SOCK_DGRAM else patience)
            try:
                reply = s.recv(2000)
            except (TimeoutError, ConnectionRefusedError):
                if kind == socket.SOCK_STREAM: break
                time.sleep(0.2)
                continue
            got += reply == text.upper()
            break
        if rounds > 1: time.sleep(0.2)
except OSError:
    pass
print(got, round(time.monotonic() - begin, 3))
"""


class Failure(Exception):
    """One sentence about what was expected and what was seen."""


class Wire:
    """Hosts on one bridge; number N has 192.0.2.N and 2001:db8:1::N."""

    def __init__(self, lab, names):
        self.lab = lab
        self.bridge = lab.host("bridge")
        self.bridge.ip("link add lan type bridge")
        self.bridge.ip("link set lan up")
        self.hosts, self.numbers = {}, {}
        for number, name in enumerate(names, 1):
            host = self.hosts[name] = lab.host(name)
            self.numbers[name] = number
            lab.wire(host, "wan", self.bridge, f"port{number}", [self.address(name, "v4") + "/24", self.address(name, "v6") + "/64"])
            self.bridge.ip(f"link set port{number} master lan")
            host.run(["ethtool", "-K", "wan", "tx", "off", "tso", "off", "gso", "off", "tx-udp-segmentation", "off"], check=False)
        first, *others = names
        for other in others:
            for family in FAMILIES:
                wait_until(lambda: self.hosts[first].ping(self.address(other, family), 1), 10, "the wire to carry packets")

    def address(self, name, family):
        return f"192.0.2.{self.numbers[name]}" if family == "v4" else f"2001:db8:1::{self.numbers[name]}"


class Member(Sallyport):
    """A daemon with one of conf/'s files. files: name -> text or path, beside the configuration."""

    def __init__(self, host, example, files, change=lambda text: text):
        self.host, self.folder = host, host.folder / "sallyport"
        self.folder.mkdir(exist_ok=True, mode=0o700)
        self.socket, self.file, self.process = self.folder / "control.sock", self.folder / "sallyport.toml", None
        for name, content in files.items():
            path = self.folder / name
            path.write_text(content if isinstance(content, str) else pathlib.Path(content).read_text())
            path.chmod(0o600)
        self.use(example, change)

    def use(self, example, change=lambda text: text):
        head = f"[daemon]\ncontrol = {_toml(str(self.socket))}\nuser = \"nobody\"\n\n"
        text = change((CONF / example).read_text())
        # Nothing is to be left on the machine, nor found there.
        kept = "" if "policy_store" in text else 'policy_store = "none"\n'
        if Lab.workers > 1:
            kept += f"workers = {Lab.workers}\n"
        self.file.write_text(head + kept + text)
        self.file.chmod(0o600)


class Stage:
    def __init__(self, lab, names):
        self.lab, self.wire = lab, Wire(lab, names)
        self.members = {}

    def host(self, name):
        return self.wire.hosts[name]

    def member(self, name, example, files=None, change=lambda text: text):
        files = files or {"members.psk": "a secret of the whole domain\n", "machines.psk": "a secret of two machines\n"}
        member = self.members[name] = Member(self.host(name), example, files, change)
        return member.start()

    def serve(self, name, port=PORT):
        for family in FAMILIES:
            for protocol in PROTOCOLS:
                process = self.host(name).start(["/usr/bin/python3", "-c", SPEAKER, "serve", protocol, self.wire.address(name, family), port],
                                                stdout=subprocess.PIPE, text=True)
                process.stdout.readline()

    def ask(self, client, server, family, protocol, text, patience=12, port=PORT, rounds=1, uid=0):
        """How many answers came, and after how many seconds the client was done. uid: whose the client is."""
        account = ["setpriv", f"--reuid={uid}", "--clear-groups"] if uid else []
        done = self.host(client).run([*account, "/usr/bin/python3", "-c", SPEAKER, "ask", protocol, self.wire.address(server, family), port, text,
                                      patience, rounds], timeout=patience * (rounds + 1) + 10, check=False)
        words = done.stdout.split()
        if len(words) != 2:
            raise Failure(f"the client at {client} ended strangely: {done.stdout}{done.stderr}")
        return int(words[0]), float(words[1])

    def require(self, client, server, wanted, patience=12, port=PORT):
        """wanted: None (no answer), "secured", "clear" (as the wire shows the text, one text for each question)."""
        def question(family, protocol):
            text = f"{client}-{server}-{family}-{protocol}-{time.monotonic_ns()}"
            watch = capture.Capture(self.host(client), "wan", name=f"ask-{client}-{server}-{family}-{protocol}")
            answers, seconds = self.ask(client, server, family, protocol, text, patience, port)
            path = watch.stop()
            shown = sum(text.encode() in data or text.upper().encode() in data for _, _, data in capture.packets(path))
            what = f"{client} to {server} by {protocol} over {family}"
            if wanted is None and answers:
                raise Failure(f"{what}: an answer came, though none may")
            if wanted is None and shown and protocol == "tcp":
                raise Failure(f"{what}: nobody may answer, and the text is on the wire {shown} times")
            if wanted is not None and not answers:
                raise Failure(f"{what}: no answer after {seconds} s")
            if wanted == "secured" and shown and protocol == "tcp":
                raise Failure(f"{what}: the wire shows the text {shown} times in the clear")
            if wanted == "secured" and not capture.sealed(path):
                raise Failure(f"{what}: the wire shows no ESP")
            if wanted == "clear" and not shown:
                raise Failure(f"{what}: the wire does not show the text, which should be in the clear")
            return family, protocol, seconds, path
        return every_way(question, wanted is None)


def at_once(question, questions):
    """What takes its time because nobody answers is asked all together; answers in order."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda each: question(*each), questions))


def every_way(question, silent, families=FAMILIES):
    """One question for each family and protocol. silent: nobody is to answer."""
    questions = list(itertools.product(families, PROTOCOLS))
    return at_once(question, questions) if silent else [question(*each) for each in questions]


def require_both_ways(lab):
    """conf/transport-required.toml on two hosts, and a third one without IPsec on the same wire."""
    stage = Stage(lab, ("alice", "bob", "plain"))
    for name in ("alice", "bob", "plain"):
        stage.serve(name)
    for name in ("alice", "bob"):
        stage.member(name, "transport-required.toml")
    for client, server in (("alice", "bob"), ("bob", "alice")):
        for family, protocol, _, path in stage.require(client, server, "secured"):
            kinds = capture.clear_packets(path)
            if kinds:
                raise Failure(f"{client} to {server} by {protocol} over {family}: in the clear were {kinds}")
    for client, server in (("alice", "plain"), ("plain", "bob")):
        for _, protocol, _, path in stage.require(client, server, None, patience=3):
            if client == "alice" and capture.clear_packets(path):
                raise Failure(f"alice said to plain in the clear: {capture.clear_packets(path)}")
    for family in FAMILIES:
        if stage.host("alice").ping(stage.wire.address("plain", family)) != 3:
            raise Failure(f"ICMP over {family}, which is exempt, does not pass")
    # The engine says which filter decides, and on which SA.
    for family in FAMILIES:
        told = json.loads(stage.members["alice"].command("explain", stage.wire.address("alice", family), stage.wire.address("bob", family),
                                                         "tcp", PORT, "--json", check=True).stdout)
        deciding = {row["layer"]: row["name"] for row in told["layers"]}
        if told["action"] != "PROTECT" or int(told["spi_out"], 16) == 0 or deciding.get(f"OUTBOUND_TRANSPORT_{family.upper()}") != "require outbound":
            raise Failure(f"explain over {family} tells {told}")
    names = {row["name"] for row in json.loads(stage.members["alice"].command("filter", "--json", check=True).stdout)}
    if not {"require outbound", "require inbound"} <= names:
        raise Failure(f"the list of filters is {names}")
    # The daemon dies: closed, both ways. It comes back: everything as before.
    stage.members["bob"].kill()
    for client, server in (("alice", "bob"), ("bob", "alice"), ("plain", "bob"), ("bob", "plain")):
        for _, _, _, path in stage.require(client, server, None, patience=2):
            if client != "plain" and capture.clear_packets(path):
                raise Failure(f"{client} said to {server} in the clear: {capture.clear_packets(path)}")
    stage.members["bob"].start()
    stage.require("bob", "alice", "secured", patience=20)
    # Taken back: the hosts talk as they did before.
    for name in ("alice", "bob"):
        stage.members[name].stop()
    stage.require("alice", "bob", "clear")
    return "TCP and UDP over IPv4 and IPv6 in ESP only; a plain host is neither heard nor spoken to; closed after a crash"


def domain_isolation(lab):
    """conf/isolation-domain.toml on two hosts, and a third one without IPsec."""
    stage = Stage(lab, ("alice", "bob", "plain"))
    for name in ("alice", "bob", "plain"):
        stage.serve(name)
    for name in ("alice", "bob"):
        stage.member(name, "isolation-domain.toml")
    for client, server in (("alice", "bob"), ("bob", "alice")):
        stage.require(client, server, "secured", patience=20)
    # The application does not wait for a negotiation that nobody answers.
    slowest = max(seconds for _, _, seconds, _ in stage.require("alice", "plain", "clear"))
    if slowest > 2:
        raise Failure(f"a plain host was answered after {slowest} s only")
    stage.require("plain", "alice", None, patience=3)
    # The policy of one member changes under way: what it let nobody do is possible now, and members notice nothing.
    bob = stage.members["bob"]
    bob.use("isolation-boundary.toml")
    bob.command("reload", check=True)
    stage.require("plain", "bob", "clear", patience=6)
    stage.require("plain", "alice", None, patience=3)
    stage.require("bob", "alice", "secured", patience=20)
    bob.use("isolation-domain.toml")
    bob.command("reload", check=True)
    stage.require("plain", "bob", None, patience=3)
    stage.require("alice", "bob", "secured", patience=20)
    return f"members talk in ESP, to a plain host in the clear (slowest answer {slowest} s), and the plain host is not let in"


def boundary_host(lab):
    """conf/isolation-boundary.toml between a member and a host without IPsec."""
    stage = Stage(lab, ("gate", "alice", "plain"))
    for name in ("gate", "alice", "plain"):
        stage.serve(name)
    stage.member("gate", "isolation-boundary.toml")
    stage.member("alice", "isolation-domain.toml")
    stage.require("gate", "plain", "clear")
    stage.require("plain", "gate", "clear")
    stage.require("gate", "alice", "secured", patience=20)
    # Clear at first, protected from the moment on that there is an SA: the later words of one connection are not shown.
    for family in FAMILIES:
        for protocol in PROTOCOLS:
            text = f"upgraded-{family}-{protocol}"
            watch = capture.Capture(stage.host("alice"), "wan", name=text)
            answers, _ = stage.ask("alice", "gate", family, protocol, text, rounds=15)
            path = watch.stop()
            frames = [(text.encode() in data, capture.classify(*capture.network_layer(link, data))) for _, link, data in capture.packets(path)]
            shown = [at for at, (clear, _) in enumerate(frames) if clear]
            sealed = [at for at, (_, kind) in enumerate(frames) if kind in ("esp", "esp-udp")]
            if answers != 15:
                raise Failure(f"alice to gate by {protocol} over {family}: {answers} of 15 answers")
            if not sealed or (shown and shown[-1] > sealed[0] + 4):
                raise Failure(f"alice to gate by {protocol} over {family}: clear in frames {shown}, ESP from {sealed[:1]} on")
    stage.require("plain", "alice", None, patience=3)
    # The boundary host has said what it is, and the member has not.
    for name, wanted in (("alice", True), ("gate", False)):
        status = json.loads(stage.members[name].command("status", "--json", check=True).stdout)
        told = {child["peer_boundary"] for sa in status["ike_sas"] for child in sa["children"]}
        if told != {wanted}:
            raise Failure(f"{name} takes its peers for boundary hosts: {told}")
    return "the boundary host talks to both; a member's connections go over to ESP and stay there"


def server_isolation(lab):
    """conf/isolation-server.toml: a service for one named member."""
    stage = Stage(lab, ("server", "clerk", "guest", "plain"))
    authority = Authority(lab.folder / "pki", "ecdsa")
    stage.serve("server")
    stage.serve("server", SERVICE)
    for name in ("server", "clerk", "guest"):
        certificate, key = authority.leaf(f"{name}.example", "ecdsa")
        files = {"server.pem": certificate, "server.key": key, "ca.pem": authority.certificate}
        example = "isolation-server.toml" if name == "server" else "isolation-domain.toml"
        auth = '{ method = "cert", certificate = "server.pem", key = "server.key", ca = "ca.pem" }'
        stage.member(name, example, files, lambda text: text.replace('{ method = "psk", secret = "members.psk" }', auth))
    stage.require("clerk", "server", "secured", patience=20)
    stage.require("guest", "server", "secured", patience=20)
    for client, wanted in (("clerk", "secured"), ("guest", None), ("plain", None)):
        for family in FAMILIES:
            answers, _ = stage.ask(client, "server", family, "tcp", f"{client}-at-the-service", 12 if wanted else 4, SERVICE)
            if bool(answers) != (wanted is not None):
                raise Failure(f"{client} at the service over {family}: {answers} answers")
    return "the service answers the member that its filter names, another member and a plain host not at all"


def server_isolation_by_user(lab):
    """conf/isolation-server-users.toml: a service for a named user on named machines. desk has accounts, kiosk and lobby one user each."""
    people = {"desk": None, "kiosk": "mallory", "lobby": "alice", "bare": None}
    accounts = {65534: ("nobody", "alice"), 1: ("daemon", "mallory"), 2: ("bin", None)}
    stage = Stage(lab, ("server", *people, "plain"))
    machines, users = Authority(lab.folder / "pki", "ecdsa"), Authority(lab.folder / "users", "ecdsa", "Sallyport Test Users")
    cards = {user: users.leaf(f"{user}@example.org", "ecdsa") for user in ("alice", "mallory")}
    stage.serve("server")
    stage.serve("server", SERVICE)
    for name, user in {"server": None, **people}.items():
        certificate, key = machines.leaf(f"{name}.example", "ecdsa")
        files = {"server.pem": certificate, "server.key": key, "ca.pem": machines.certificate, "users.pem": users.certificate}
        proves, more = "", ""
        if user:
            files |= {"user.pem": cards[user][0], "user.key": cards[user][1]}
            proves = 'user = { certificate = "user.pem", key = "user.key" }\n'
        if name == "desk":
            proves = "user = { accounts = true }\n"
            for account, who in accounts.values():
                if who:
                    files |= {f"{account}.pem": cards[who][0], f"{account}.key": cards[who][1]}
                    more += f'\n[[user]]\naccount = "{account}"\ncertificate = "{account}.pem"\nkey = "{account}.key"\n'
        flags, auth = 'flags = ["ND_SECURE"]\n', '{ method = "cert", certificate = "server.pem", key = "server.key", ca = "ca.pem" }'

        def change(text):
            if name == "server":
                return text
            return text.replace('{ method = "psk", secret = "members.psk" }', auth).replace(flags, flags + proves) + more
        stage.member(name, "isolation-server-users.toml" if name == "server" else "isolation-domain.toml", files, change)
    for name in ("kiosk", "lobby"):
        stage.require(name, "server", "secured", patience=20)
    for name in ("bare", "plain"):
        stage.require(name, "server", None, patience=2.5)
    # Who may speak with the server, and at the service.
    wanted = {("kiosk", 0): (True, False), ("lobby", 0): (True, False), ("bare", 0): (False, False), ("plain", 0): (False, False)}
    wanted |= {("desk", uid): (user is not None, user == "alice") for uid, (_, user) in accounts.items()}
    def question(name, uid, family, port, may):
        answers, _ = stage.ask(name, "server", family, "tcp", f"{name}-{uid}-at-{port}", 12 if may else 2.5, port, uid=uid)
        if bool(answers) != may:
            raise Failure(f"{name}, account {uid}, at port {port} over {family}: {answers} answers")
    for family in FAMILIES:
        questions = [(name, uid, family, port, may) for (name, uid), answered in wanted.items() for port, may in zip((PORT, SERVICE), answered)]
        for each in questions:
            if each[-1]:
                question(*each)
        at_once(question, [each for each in questions if not each[-1]])
    # No SA is shared: each family has one for each user of desk.
    for name, side, expected in (("desk", "local_user", 4), ("server", "remote_user", 8)):
        sas = stage.members[name].status()["ike_sas"]
        seen = {sa[side] for sa in sas if sa["children"]}
        if len(seen) != 2 or "" in seen or len(sas) != expected:
            raise Failure(f"the {len(sas)} IKE SAs of {name} are of the users {seen}")
    log = (stage.host("server").folder / "sallyportd.log").read_text()
    if "demands a user beside the machine, and the peer proves none" not in log:
        raise Failure("the server does not say why the machine without a user is refused")
    return "the service answers the named user on a named machine; another user, another machine, and whoever has no user get nothing"


def program_filters(lab):
    """A program blocks a host through the C interface; its dynamic session takes the filters with it, also when it is killed."""
    program = BUILD / "tests" / "netns" / "block_host"
    if not program.exists():
        raise Failure(f"{program} is not built")
    stage = Stage(lab, ("alice", "bob"))
    stage.serve("bob")
    member = stage.member("alice", "transport-required.toml", change=lambda text: "")
    stage.require("alice", "bob", "clear")
    addresses = [stage.wire.address("bob", family) for family in FAMILIES]
    blocker = stage.host("alice").start([program, *addresses], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, "SALLYPORT_SOCKET": str(member.socket)})
    if blocker.stdout.readline().strip() != "blocked":
        raise Failure(f"the program ended with {blocker.wait()}")

    def listed():
        return sum(row["name"] == "block a host" for row in json.loads(member.command("filter", "--json", check=True).stdout))
    if listed() != 2:
        raise Failure(f"{listed()} of the program's two filters are listed")
    wait_until(lambda: not stage.host("alice").ping(addresses[0], 1), 5, "the packet filter to follow the engine")
    for _, _, _, path in stage.require("alice", "bob", None, patience=2):
        if capture.clear_packets(path):
            raise Failure(f"blocked packets left: {capture.clear_packets(path)}")
    blocker.kill()
    wait_until(lambda: listed() == 0, 5, "the filters to go with their program")
    wait_until(lambda: stage.host("alice").ping(addresses[0], 1), 5, "the packet filter to follow the engine")
    stage.require("alice", "bob", "clear")
    return "a program's filters block TCP and UDP over IPv4 and IPv6, and are gone when it is killed"


SCENARIOS = {
    "transport-required": require_both_ways,
    "domain-isolation": domain_isolation,
    "boundary-host": boundary_host,
    "server-isolation": server_isolation,
    "server-isolation-users": server_isolation_by_user,
    "program-filters": program_filters,
}
NAMES = tuple(SCENARIOS)


def play(name, keep=False, scenarios=None):
    with Lab(keep) as lab:
        try:
            return True, (scenarios or SCENARIOS)[name](lab)
        except (Failure, RuntimeError, TimeoutError, subprocess.SubprocessError) as problem:
            logs = [f"--- {host.name}\n" + "\n".join((host.folder / "sallyportd.log").read_text().splitlines()[-15:])
                    for host in lab.hosts.values() if (host.folder / "sallyportd.log").exists()]
            return False, "\n".join([str(problem), *logs])
