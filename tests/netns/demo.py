#!/usr/bin/python3
"""The demonstration behind script/demo: a tunnel between two of our daemons, then with strongSwan, told as it happens.

--harness: strongSwan plays our part too (to work on the demonstration itself).
"""
import hashlib
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import capture, loopback, peers, space
from lab.connection import Connection, End
from lab.isolation import Stage
from lab.pki import Authority
from lab.sallyport import Sallyport
from lab.space import Lab, Plan, Stopped
from lab.strongswan import Strongswan
from lab.traffic import BUILD

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
MEGABYTES = 8

# The file's way: one end serves the bytes over TCP, the other writes them down. Only addresses inside the tunnel are used.
SEND = ("import socket,sys; s=socket.create_server((sys.argv[1],47000),family=socket.AF_INET); c,_=s.accept(); "
        "c.sendfile(open(sys.argv[2],'rb')); c.close()")
FETCH = ("import socket,sys,time\nfor i in range(50):\n try: c=socket.create_connection((sys.argv[1],47000),5); break\n"
         " except OSError: time.sleep(0.1)\nf=open(sys.argv[2],'wb')\nwhile b:=c.recv(65536): f.write(b)\n")


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def title(text):
    print("\n" + paint("1", "== " + text), flush=True)


def tell(text):
    print("   " + text, flush=True)


def show(text, limit=40):
    for line in text.rstrip().splitlines()[:limit]:
        print("   " + paint("2", "| ") + line, flush=True)


def good(text):
    print("   " + paint("32", "ok ") + text, flush=True)


def require(condition, text):
    if not condition:
        raise RuntimeError(text)
    good(text)


def bring_up(daemon):
    begun = time.monotonic()
    done = daemon.up()
    output = (done.stdout + done.stderr).strip()
    if isinstance(daemon, Sallyport):
        show(output)
    if done.returncode != 0:
        raise RuntimeError("the tunnel did not come up:\n" + output)
    good(f"up in {1000 * (time.monotonic() - begun):.0f} ms")


def copy_file(plan, lab):
    source, target = lab.folder / "sent.bin", lab.folder / "received.bin"
    with open(source, "wb") as file:
        for _ in range(MEGABYTES):
            file.write(os.urandom(1 << 20))
    begun = time.monotonic()
    plan.west.start(["/usr/bin/python3", "-c", SEND, plan.inner("west"), source])
    plan.east.run(["/usr/bin/python3", "-c", FETCH, plan.inner("west"), target], timeout=120)
    seconds = time.monotonic() - begun
    same = hashlib.sha256(source.read_bytes()).digest() == hashlib.sha256(target.read_bytes()).digest()
    require(same, f"a file of {MEGABYTES} MB copied from west to east in {seconds:.1f} s, SHA-256 equal")


def show_sas(daemon):
    if isinstance(daemon, Sallyport):
        tell("sallyport status:")
        show(daemon.command("status").stdout)
    else:
        tell("strongSwan's own view (swanctl --list-sas):")
        show(daemon.swanctl("--list-sas").stdout)


def show_wire(wire):
    path = wire.stop()
    counts = capture.census(path)
    tell("captured between the hosts: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    lines = []
    for _, link, data in capture.packets(path):
        ethertype, packet = capture.network_layer(link, data)
        kind = capture.classify(ethertype, packet)
        if kind not in ("neighbour",):
            source, destination, _, payload = capture.dissect(ethertype, packet)
            lines.append(f"{source} > {destination}  {kind:8} {len(packet):5} bytes  {payload[8 if kind != 'esp' else 0:][:16].hex(' ')} …")
        if len(lines) == 7:
            break
    show("\n".join(lines))
    clear = capture.clear_packets(path)
    require(not clear, f"the wire held only IKE and ESP{f', but also {clear}' if clear else ''}")


def two_hosts(peer_kind, harness):
    """One act of the play: east is ours, west is ours or strongSwan."""
    with Lab() as lab:
        plan = Plan(lab)
        plan.cut_before_the_wire()
        connection = Connection(End("east.example", plan.east_address, plan.nets["east"]),
                                End("west.example", plan.west_address, plan.nets["west"]), encap=peer_kind == "strongswan")
        other = "sallyport" if peer_kind == "sallyport" else "strongSwan 5.9.8"
        tell(f"10.1.0.0/24 — east {plan.east_address} (sallyport) ════ ESP ════ west {plan.west_address} ({other}) — 10.2.0.0/24")
        east_class = Strongswan if harness else Sallyport
        west_class = Strongswan if harness or peer_kind == "strongswan" else Sallyport
        west = west_class(plan.west, connection, "west").start()
        east = east_class(plan.east, connection, "east").start()
        good("both daemons run")
        if isinstance(east, Sallyport):
            tell("east's configuration:")
            show(east.file.read_text())
        require(plan.east.ping(plan.inner("west"), 1, source=plan.inner("east")) == 0, "before: west's network does not answer")
        wire = capture.Capture(plan.west, "wan")
        tell("sallyport up net")
        bring_up(east)
        answered = plan.east.ping(plan.inner("west"), 5, source=plan.inner("east"))
        require(answered == 5, f"{answered} of 5 echo requests answered through the tunnel")
        copy_file(plan, lab)
        show_sas(east)
        if isinstance(west, Strongswan):
            show_sas(west)
        show_wire(wire)
        east.down()
        good("taken down")


def secured_sockets():
    """An unprivileged program secures its own socket and learns who is there; then a program that knows nothing of it."""
    with Lab() as lab:
        stage = Stage(lab, ("alice", "bob"))
        authority = Authority(lab.folder / "pki")
        for folder in (lab.folder, *(stage.host(name).folder for name in ("alice", "bob"))):
            folder.chmod(0o711)
        method = '{ method = "cert", certificate = "sockets.pem", key = "sockets.key", ca = "ca.pem" }'
        for name in ("alice", "bob"):
            certificate, key = authority.leaf(f"{name}.example", "ecdsa")
            member = stage.member(name, "secure-sockets.toml", {"sockets.pem": certificate, "sockets.key": key, "ca.pem": authority.certificate},
                                  lambda text: 'policy_store = "none"\n' + text.replace('{ method = "psk", secret = "sockets.psk" }', method))
            member.folder.chmod(0o711)
        good("two daemons with conf/secure-sockets.toml and a certificate each; no connection, no tunnel is configured")
        address = stage.wire.address("bob", "v4")

        def start(host, *words):
            environment = {**os.environ, "SALLYPORT_SOCKETS": str(stage.members[host].folder / "sockets.sock")}
            words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *map(str, words)]
            return stage.host(host).start(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        wire = capture.Capture(stage.host("alice"), "wan")
        tell("bob, as nobody:    examples/echo_server 7007")
        server = start("bob", BUILD / "examples" / "echo_server", 7007, 1)
        require("listening" in server.stdout.readline(), "it listens")
        time.sleep(0.3)
        tell(f"alice, as nobody:  examples/echo_client {address} 7007 bob.example 'nobody else reads this'")
        said = start("alice", BUILD / "examples" / "echo_client", address, 7007, "bob.example", "nobody else reads this").communicate(timeout=30)[0]
        show("alice: " + said.replace("\n", "\nalice: ").removesuffix("alice: ") + "bob:   " + server.communicate(timeout=30)[0])
        require("CN=bob.example, encrypted" in said and "nobody else reads this" in said, "the connection came, to bob alone, and was encrypted")
        run = [BUILD / "src" / "cli" / "sallyport", "run", "--require-encryption", "--"]
        tell("bob:    sallyport run -- python3, a server of one line, that knows nothing of IPsec")
        answer = "import socket,sys; s=socket.create_server((sys.argv[1],8080)); print('listening',flush=True); c,_=s.accept(); c.sendall(b'a plain program')"
        server = start("bob", *run, "/usr/bin/python3", "-c", answer, address)
        require("listening" in server.stdout.readline(), "it listens")
        time.sleep(0.3)
        ask = "import socket,sys; print(socket.create_connection((sys.argv[1],8080),15).recv(100).decode())"
        tell("alice:  sallyport run -- python3, a client of one line")
        said = start("alice", *run, "/usr/bin/python3", "-c", ask, address).communicate(timeout=30)[0]
        require(said == "a plain program\n", f"it answers: {said.strip()}")
        show_wire(wire)


def main(arguments):
    harness = "--harness" in arguments
    why_not = space.available()
    try:
        if why_not:
            title(f"3/5  Two daemons on the internal device ({why_not})")
            loopback.demonstrate(tell, show, good, require)
            title("4/5  Secured sockets, 5/5  strongSwan: left out, they need namespaces and a TUN device")
            return 0
        space.sweep()
        title("3/5  Two hosts with sallyport")
        two_hosts("sallyport", harness)
        title("4/5  A program secures its own socket, and learns who is there")
        secured_sockets()
        title("5/5  The tunnel with strongSwan at the other end")
        try:
            peers.fetch("strongswan", say=tell)
        except peers.Unavailable as why:
            tell(f"left out: {why}")
            return 0
        two_hosts("strongswan", harness)
        print("\n" + paint("1;32", "Done.") + " Namespaces, daemons and captures are removed.")
        return 0
    except (RuntimeError, TimeoutError) as why:
        print("\n" + paint("1;31", "The demonstration failed: ") + str(why), file=sys.stderr)
        return 1
    except Stopped:
        print("\nStopped; everything is removed.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
