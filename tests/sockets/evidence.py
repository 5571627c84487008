"""What programs do with sockets after they have been secured, and what becomes of them: cases of run.py. Each takes a Talk."""
import itertools
import json
import pathlib
import pwd
import subprocess
import time

from lab import capture
from lab.isolation import FAMILIES, PROTOCOLS, Failure, at_once
from lab.space import wait_until
from lab.traffic import BUILD
from people import sas_gone

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OTHER_PEER = 13912  # ERROR_IPSEC_WRONG_SA
EXAMPLES = BUILD / "examples"
PORT = 27016


def program(talk, host, words, **more):
    """A program of one host that finds the library, the Python module and the daemon."""
    _, environment = talk.words(host, "ask", "tcp", host, "v4", "0")
    environment["SALLYPORT_SOCKET"] = str(talk.stage.members[host].socket)
    environment["PYTHONPATH"] = str(ROOT / "bindings" / "python")
    return talk.stage.host(host).start([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, **more)


def holder(talk, host, *words):
    return program(talk, host, ["/usr/bin/python3", HERE / "holder.py", *words])


def ready(process, sign):
    line = process.stdout.readline()
    if sign not in line:
        process.kill()
        raise Failure(f"{process.args}: {line}{process.stdout.read()}")
    return process


def ended(process, patience=30):
    try:
        return process.communicate(timeout=patience)[0]
    finally:
        process.kill()


class Wires:
    """Both ends are watched; what comes in the clear is a failure."""

    def __init__(self, talk, why):
        self.why = why
        self.watches = {name: capture.Capture(talk.stage.host(name), "wan", name=f"{name}-{time.monotonic_ns()}") for name in ("alice", "bob")}

    def judge(self, esp=True):
        for name, watch in self.watches.items():
            path = watch.stop()
            clear = capture.clear_packets(path)
            if clear:
                raise Failure(f"{self.why}: in the clear at {name}: {clear}")
            if esp and not capture.sealed(path):
                raise Failure(f"{self.why}: no ESP at {name}")


class Stream:
    """alice sends to bob, over a connection that stands and has carried something; the wires are watched from before it."""

    def __init__(self, talk, family, duration, why):
        address = talk.stage.wire.address("bob", family)
        self.wires = Wires(talk, why)
        self.server = ready(holder(talk, "bob", "sink", address, PORT), "bound")
        self.client = holder(talk, "alice", "stream", address, PORT, duration)
        if "connected" not in self.client.stdout.readline():
            raise Failure(f"the client did not connect: {ended(self.client)}")
        time.sleep(1)

    def judge(self):
        self.server.kill()
        self.server.wait()
        self.wires.judge()


def descriptors(talk):
    """A duplicate, a child's, an exec'd program's and another user's descriptor are the same secured connection."""
    for keep in ("dup", "fork", "exec", "passed"):
        for family in FAMILIES:
            process = ready(holder(talk, "bob", "server", keep, talk.stage.wire.address("bob", family), PORT), "bound")
            wires = Wires(talk, f"{keep} over {family}")
            try:
                got = talk.ask("alice", "bob", "tcp", family, "encrypt", 12, port=PORT)
            finally:
                process.kill()
                process.wait()
            if not got["answered"] or got["clear"]:
                raise Failure(f"{keep} over {family}: {got}")
            wires.judge()
    return "answered in ESP alone by a duplicate, a child, an exec'd program and another user's process"


def closed_ports(talk):
    """Nobody listens: neither a reset nor an error of ICMP is in the clear."""
    waited = []
    for family in FAMILIES:
        for protocol in PROTOCOLS:
            wires = Wires(talk, f"a closed port of {protocol} over {family}")
            got = talk.ask("alice", "bob", protocol, family, "0", 3, port=PORT)
            if got["answered"]:
                raise Failure(f"a closed port answered: {got}")
            waited.append(f"{protocol} {got['error']}")
            wires.judge(esp=False)
    return "nothing in the clear from closed ports; " + ", ".join(waited)


def killed(talk):
    """One side's program is killed in mid-stream: what the kernel says for it is protected or not said."""
    told = []
    for family in FAMILIES:
        for who in ("server", "client"):
            stream = Stream(talk, family, 8, f"the {who} killed over {family}")
            victim, other = (stream.server, stream.client) if who == "server" else (stream.client, stream.server)
            victim.kill()
            begun = time.monotonic()
            rest = ended(other, 20).splitlines()[-1]
            if "ECONNRESET" not in rest and "EPIPE" not in rest and "over" not in rest:
                raise Failure(f"the {who} was killed, and the other side does not know of it: {rest}")
            told.append(f"{time.monotonic() - begun:.1f}")
            time.sleep(1)
            stream.judge()
    return f"the other side knew after {', '.join(told)} s, and all of it was protected"


def daemon_killed(talk):
    """Either daemon is killed while a connection carries data: nothing goes on in the clear; a new daemon serves new sockets."""
    for family in FAMILIES:
        for which in ("alice", "bob"):
            stream = Stream(talk, family, 5, f"{which}'s daemon killed over {family}")
            talk.stage.members[which].kill()
            ended(stream.client)
            stream.judge()
            talk.stage.members[which].start()
    process = talk.serve("bob", "tcp", "v4", "0")
    got = talk.ask("alice", "bob", "tcp", "v4", "0", 15)
    process.kill()
    if not got["answered"] or got["clear"]:
        raise Failure(f"after the daemons came back: {got}")
    return "nothing in the clear without the daemon; new sockets are served by the next one"


def certificate_swapped(talk):
    """One end's host gets another certificate, and its SAs end: the other does not go on with whoever that is, and is told why."""
    told = []
    for family in FAMILIES:
        for swaps, other in (("bob", "alice"), ("alice", "bob")):
            stream = Stream(talk, family, 40, f"{swaps}'s other certificate over {family}")
            victim, rest = (stream.client, stream.server) if other == "alice" else (stream.server, stream.client)
            member = talk.stage.members[swaps]
            certificate, key = talk.authority.leaf(f"other{len(told)}.example", "ecdsa")
            for name, file in (("sockets.pem", certificate), ("sockets.key", key)):
                (member.folder / name).write_text(pathlib.Path(file).read_text())
            before = dict(talk.stage.members[other].status()["drops"]).get("latch_broken", 0)
            member.command("reload", check=True)
            for sa in member.status()["ike_sas"]:
                member.command("down", sa["connection"])  # it may have gone meanwhile
            said = json.loads(ended(victim, 50).splitlines()[-1])
            rest.kill()
            if said.get("ended") != "ECONNRESET" or said["why"] != OTHER_PEER:
                raise Failure(f"over {family} {other}'s program says {said}")
            if dict(talk.stage.members[other].status()["drops"]).get("latch_broken", 0) == before:
                raise Failure(f"over {family} {other} has dropped nothing")
            told.append(f"{other} {family}: {said['why']}")
            stream.judge()
    return "; ".join(told)


def race(talk):
    """A connect races the call: either it is refused, or the socket's packets are protected."""
    address = talk.stage.wire.address("bob", "v4")
    watch = capture.Capture(talk.stage.host("alice"), "wan", name="race")
    said = json.loads(ended(holder(talk, "alice", "race", address, PORT, 150), 60).splitlines()[-1])
    bare = set()
    for _, link, data in capture.packets(watch.stop()):
        ethertype, packet = capture.network_layer(link, data)
        if ethertype == 0x0800 and packet[9] == 6:
            bare.add(int.from_bytes(packet[20:22], "big"))
    both = sorted(bare & set(said["ports"]))
    if both or not said["refused"] + len(said["ports"]):
        raise Failure(f"of {said} these were seen in the clear: {both}")
    return f"{len(said['ports'])} were secured and none of them seen in the clear, {said['refused']} refused"


def restarted(talk):
    """The daemons are killed, or stopped, and come back: sockets of before go on, but for a connection, whose peer nobody remembers."""
    def end(host, way):
        member = talk.stage.members[host]
        member.kill() if way == "killed" else member.stop()

    for family, way in ((family, way) for family in FAMILIES for way in ("killed", "stopped")):
        address = talk.stage.wire.address("bob", family)
        server = ready(holder(talk, "bob", "echo", address, PORT), "bound")
        wires = Wires(talk, f"daemons {way} over {family}")
        client = program(talk, "alice", ["/usr/bin/python3", HERE / "holder.py", "earlier", address, PORT], stdin=subprocess.PIPE)

        def told(go_on):
            if go_on:
                client.stdin.write("go on\n")
                client.stdin.flush()
            return json.loads(client.stdout.readline())
        if (said := told(False)) != {"before": ["TEXT", "TEXT"]}:
            raise Failure(f"over {family} before: {said}")
        end("alice", way)
        if (said := told(True)) != {"without": ["no answer"] * 3}:
            raise Failure(f"over {family} with alice's daemon {way}: {said}")
        talk.stage.members["alice"].start()
        wanted = {"standing": "ECONNABORTED", "datagrams": "TEXT", "fresh": "TEXT", "named": "timed out"}
        if (said := told(True)) != {"after": wanted}:
            raise Failure(f"over {family} after alice's daemon was {way}: {said}")
        end("bob", way)
        talk.stage.members["bob"].start()
        if (said := told(True)) != {"new": ["TEXT", "TEXT"]}:
            raise Failure(f"over {family} after bob's daemon was {way}: {said}")
        wires.judge()
        for process in (client, server):
            process.kill()
            process.wait()
    return "listeners, datagram sockets and sockets not connected yet go on; a connection ends with ECONNABORTED, a named one stays shut"


def switched_off(talk):
    """The next daemon lets nobody secure sockets: those of before stay shut, also when that one is stopped."""
    for family in FAMILIES:
        address = talk.stage.wire.address("bob", family)
        server = ready(holder(talk, "bob", "echo", address, PORT), "bound")
        wires = Wires(talk, f"secure sockets switched off over {family}")
        client = program(talk, "alice", ["/usr/bin/python3", HERE / "holder.py", "earlier", address, PORT], stdin=subprocess.PIPE)
        if (said := json.loads(client.stdout.readline())) != {"before": ["TEXT", "TEXT"]}:
            raise Failure(f"over {family} before: {said}")
        member = talk.stage.members["alice"]
        before = member.file.read_text()
        member.stop()
        member.file.write_text(before[:before.index("[secure_sockets]")])
        member.start()
        for _ in range(2):
            client.stdin.write("go on\n")
            client.stdin.flush()
        if (said := json.loads(client.stdout.readline())) != {"without": ["no answer"] * 3}:
            raise Failure(f"over {family} with a daemon that has no secure sockets: {said}")
        member.stop()
        time.sleep(2)  # it goes on to try
        wires.judge()
        for process in (client, server):
            process.kill()
            process.wait()
        member.file.write_text(before)
        member.start()
    return "nothing in the clear from sockets of before, with such a daemon and after it"


def within_host(talk):
    """Secured sockets of one host speak to each other and know the account; who is not secured, or has to prove a name, does not."""
    user = [["uid:65534", "local"]] * 2
    watch = capture.Capture(talk.stage.host("alice"), "wan", name="within")

    def question(protocol, address):
        said = json.loads(ended(holder(talk, "alice", "within", protocol, address, 28000), 120).splitlines()[-1])
        for client, server, answered, known in said["rows"]:
            strict = client in ("secure", "encrypt", "own-name") or server == "secure"
            secured = client not in ("plain", "named") and server != "plain"
            if answered != (client != "named" and (secured or not strict)):
                raise Failure(f"{protocol} to {address}, {client} to {server}: {'answered' if answered else 'not answered'}")
            if answered and [row[1] for row in known] != (user if secured else [None, None]):
                raise Failure(f"{protocol} to {address}, {client} to {server} know {known}")
    addresses = ("127.0.0.1", "::1", talk.stage.wire.address("alice", "v4"), talk.stage.wire.address("alice", "v6"))
    at_once(question, itertools.product(PROTOCOLS, addresses))
    if seen := capture.sealed(watch.stop()):
        raise Failure(f"{seen} packets left the host")
    rights = json.loads(ended(holder(talk, "alice", "local-rights", "::1", 28100)).splitlines()[-1])
    if rights != {"during": pwd.getpwnam("daemon").pw_uid, "who": "uid:0"}:
        raise Failure(f"with root's socket at the other end, mapped to daemon: {rights}")
    return "who may speak within a host does, and knows the account at the other end, by whose map a server acts"


def ways_round(talk):
    """Options of a socket that choose another way than the device: nothing leaves by them."""
    watch = capture.Capture(talk.stage.host("alice"), "wan", name="ways")
    said = ended(holder(talk, "alice", "ways-round", talk.stage.wire.address("bob", "v4"), talk.stage.wire.address("bob", "v6"), "192.0.2.255"), 60)
    clear = capture.clear_packets(watch.stop())
    if clear or "tried" not in said:
        raise Failure(f"in the clear: {clear}; {said}")
    return f"nothing in the clear by {json.loads(said.splitlines()[-1])['tried']} ways"


def examples(talk):
    """Every program of examples/ with every other one, over both families, against real daemons."""
    python = ["/usr/bin/python3", ROOT / "examples" / "echo.py"]
    servers = {"C": [EXAMPLES / "echo_server", PORT, 1], "Asio": [EXAMPLES / "asio_echo", "server", PORT, 1], "Python": [*python, "server", PORT, 1]}
    clients = {"C": [EXAMPLES / "echo_client"], "Asio": [EXAMPLES / "asio_echo", "client"], "Python": [*python, "client"]}
    wires = Wires(talk, "the examples")

    def listens(words):
        """A server in place of the last one, whose SAs are gone: a connection that begins before that comes by these."""
        running = ready(program(talk, "bob", words), "listening")
        wait_until(lambda: sas_gone(talk), 10, "the last listener's SAs to go")
        return running
    pairs = [(s, c) for s in servers for c in clients]
    for number, (server, client) in enumerate(pairs):
        family = FAMILIES[number % 2]
        running = listens(servers[server])
        said = ended(program(talk, "alice", [*clients[client], talk.stage.wire.address("bob", family), PORT, "bob.example", "hello"]))
        if said != "O=Example, CN=bob.example, encrypted\nhello\n":
            raise Failure(f"{client} to {server} over {family}: {said}")
        told = ended(running)
        if "CN=alice.example" not in told:
            raise Failure(f"{client} to {server} over {family}: the server says {told}")
    for names, path, wanted in ((["alice.example"], "/", "200 OK"), (["alice.example"], "/secret", "This is for you."),
                                (["carol.example"], "/secret", "403 Forbidden")):
        running = listens([EXAMPLES / "http_server", PORT, 1, *names])
        said = ended(holder(talk, "alice", "get", talk.stage.wire.address("bob", "v4"), PORT, path))
        ended(running)
        if wanted not in said or "CN=alice.example" not in said:
            raise Failure(f"{path} for {names}: {said}")
    wires.judge()
    return f"{len(pairs)} pairs of echo programs and three requests by HTTP, in ESP alone"


def identify(talk, method, principal):
    """identify_only: the thread learns who the caller is and has no rights of it."""
    process = ready(holder(talk, "bob", "identify", talk.stage.wire.address("bob", "v4"), PORT), "bound")
    got = talk.ask("alice", "bob", "tcp", "v4", "0", 12, port=PORT)
    lines = ended(process).splitlines()
    told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else lines
    wanted = {"shown": True, "principal": principal, "method": method, "unchanged": True, "over": True}
    if not got["answered"] or told != wanted:
        raise Failure(f"{got}; the server says {told}")
    return f"by {method}: {principal or 'nobody by name'}"


def advanced(talk):
    """A client and a server for Windows, with a policy of their own and without, in capital and in detail."""
    folder = talk.stage.lab.folder
    binary = folder / "advanced"
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o", binary, HERE / "advanced.c", f"-I{ROOT / 'include' / 'sallyport' / 'windows'}",
                    f"-I{BUILD / 'include' / 'sallyport' / 'windows'}", f"-I{ROOT / 'include'}", BUILD / "src" / "api" / "libsallyport.so",
                    f"-Wl,-rpath,{BUILD / 'src' / 'api'}"], check=True)
    hosts = folder / "hosts"
    hosts.write_text("".join(f"{talk.stage.wire.address(name, family)} {name}.example\n" for name in ("alice", "bob") for family in FAMILIES))

    def run(host, words):
        script = f"mount --bind {hosts} /etc/hosts && exec {binary} {words}"
        return program(talk, host, ["unshare", "--mount", "sh", "-c", script])
    told = []
    for words in ("", "-v6", "-adv", "-adv -v6"):
        wires = Wires(talk, f"advanced {words}")
        server = run("bob", f"server -once {words}")
        begun = []
        while (line := server.stdout.readline()) and "listening: 0" not in line:
            begun.append(line)
        if not line:
            raise Failure(f"the server {words} ended with {server.wait()}: {begun}")
        time.sleep(0.3)
        said, heard = ended(run("alice", f"client {words} bob.example")), ended(server)
        for who, text, payload in (("client", said, "91011121314"), ("server", heard, "12345678")):
            lines = ["filter: secures", "main mode: ", "quick mode: ESP", "protection: 0", "state: flags 3, machine 1, user 0", "token closed: 1",
                     f"received: {payload}", "Finished"]
            missing = [wanted for wanted in lines if wanted not in text]
            if missing:
                raise Failure(f"the {who} {words} does not say {missing}: {text}")
        if "impersonated: 0" not in heard:
            raise Failure(f"the server {words}: {heard}")
        wires.judge()
        told.append(next(line for line in said.splitlines() if line.startswith("quick mode")))
    return "; ".join(told)
