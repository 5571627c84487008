"""Times of a quick mode policy on the wire: how long clear packets are taken beside an SA, and how long an SA that nobody uses stays."""
import subprocess
import sys
import time

from . import capture, isolation
from .closed import FORGE
from .isolation import FAMILIES, Failure, Stage
from .space import wait_until

PEERS_PORT = 40000  # where forge.py sends from
# Says one word to the peer, and how many datagrams have come whenever it is asked.
ASKER = """
import socket, sys
address, port, peer = sys.argv[1], int(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((address, port))
s.sendto(b"a word", (peer, %d))
s.setblocking(False)
print("said", flush=True)
for _ in sys.stdin:
    count = 0
    try:
        while s.recv(2000):
            count += 1
    except BlockingIOError:
        pass
    print(count, flush=True)
""" % PEERS_PORT


class Asked:
    """A UDP flow that alice begins in the clear, and what of bob's clear packets of it reaches her."""

    def __init__(self, stage, family, port):
        self.stage, self.port = stage, port
        self.alice, self.bob = stage.wire.address("alice", family), stage.wire.address("bob", family)
        self.process = stage.host("alice").start(["/usr/bin/python3", "-c", ASKER, self.alice, port, self.bob], stdin=subprocess.PIPE,
                                                 stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def seen(self, count=10):
        """Of so many that are forged in bob's place."""
        words = self.stage.host("alice").ip("link show dev wan").split()
        mac = words[words.index("link/ether") + 1]
        self.stage.host("bob").run([sys.executable, FORGE, "send", "wan", mac, self.bob, self.alice, self.port, count])
        time.sleep(0.3)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


def _children(member):
    return sum(len(sa["children"]) for sa in member.status().get("ike_sas", []))


def clear_timeout(lab):
    """conf/isolation-domain.toml: what was under way in the clear is taken for ndAllowClearTimeoutSeconds beside the SA, and then refused."""
    stage = Stage(lab, ("alice", "bob"))
    for name in ("alice", "bob"):
        stage.member(name, "isolation-domain.toml", change=lambda text: text.replace('flags = ["ND_SECURE"]', 'flags = ["ND_SECURE"]\nclear_timeout = "3s"'))
    told = []
    for number, family in enumerate(FAMILIES):
        asked = Asked(stage, family, 6100 + number)
        wait_until(lambda: _children(stage.members["alice"]) > number, 10, "the SA")
        early = asked.seen()
        if early != 10:
            raise Failure(f"over {family} {early} of 10 clear packets that were under way arrived beside the new SA")
        end = time.monotonic() + 12
        while (late := asked.seen()) != 0 and time.monotonic() < end:
            pass
        if late:
            raise Failure(f"over {family} clear packets still arrive long after clear_timeout")
        told.append(stage.members["alice"].status()["counters"]["filtered_in"])
        if told[-1] < 10:
            raise Failure(f"over {family} the refused packets are not counted: {told[-1]}")
    stage.serve("bob")
    for _ in stage.require("alice", "bob", "secured", patience=20):
        pass
    return f"all of 10 at first, none when the time is over; {told[-1]} were refused"


def idle_timeout(lab):
    """conf/transport-required.toml: SAs that nobody uses go at both ends; who speaks next gets others, and nothing is in the clear."""
    stage = Stage(lab, ("alice", "bob"))
    for name in ("alice", "bob"):
        stage.serve(name)
        stage.member(name, "transport-required.toml", change=lambda text: text.replace('esp = ["aes128gcm16"]', 'esp = ["aes128gcm16"]\nidle_timeout = "3s"'))
    watch = capture.Capture(stage.host("alice"), "wan", name="idle")
    for client, server in (("alice", "bob"), ("bob", "alice")):
        for _ in stage.require(client, server, "secured"):
            pass
        # Words that follow each other keep an SA.
        answers, _ = stage.ask(client, server, "v4", "tcp", "slowly", rounds=20)
        if answers != 20 or not _children(stage.members[client]):
            raise Failure(f"{client}, who spoke all the time, got {answers} of 20 answers and has {_children(stage.members[client])} Child SAs")
        for name in ("alice", "bob"):
            wait_until(lambda: _children(stage.members[name]) == 0, 12, f"the idle SAs at {name} to go")
    if clear := capture.clear_packets(watch.stop()):
        raise Failure(f"in the clear were {clear}")
    return "SAs go when they are idle, and come back when they are asked for, in ESP alone"


SCENARIOS = {"clear-timeout": clear_timeout, "idle-timeout": idle_timeout}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    return isolation.play(name, keep, SCENARIOS)
