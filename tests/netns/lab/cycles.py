"""Two hosts that never talk in the clear, while their daemons are killed, reloaded, rekeyed and given other policy in random
order, with traffic both ways all the time. The judge is the wire: not one clear packet of a protected flow.

By hand: tests/netns/cycles.py --cycles 1000 [--seed N]
"""
import json
import random
import time

from . import capture, isolation
from .isolation import FAMILIES, PORT, Failure, Stage
from .space import wait_until

EXAMPLE = "transport-required.toml"
SHORT = 20  # cycles of the scenario that is run with the others
CHATTER = """
import socket, sys, time
peers = [(socket.socket(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_DGRAM), a) for a in sys.argv[2:]]
while True:
    for s, address in peers:
        try:
            s.setblocking(False)
            s.sendto(b"cycle", (address, int(sys.argv[1])))
            s.recv(100)
        except OSError:
            pass
    time.sleep(0.01)
"""
OTHER_POLICY = (
    lambda text: text,
    lambda text: text.replace('esp = ["aes128gcm16"]', 'esp = ["aes128gcm16"]\nlifetime = "50m"'),
    lambda text: text.replace('esp = ["aes128gcm16"]', 'esp = ["aes256-sha256", "aes128gcm16"]'),
)


class Cycles:
    def __init__(self, lab, seed):
        self.random = random.Random(seed)
        self.stage = Stage(lab, ("alice", "bob"))
        for name in ("alice", "bob"):
            self.stage.serve(name)
            self.stage.member(name, EXAMPLE)

    def member(self):
        return self.stage.members[self.random.choice(("alice", "bob"))]

    def kill(self):
        """Closed while it is away; the other end keeps its SAs until it hears from the new one."""
        member = self.member()
        member.kill()
        time.sleep(self.random.uniform(0, 0.5))
        member.start()

    def reload(self):
        self.member().command("reload", check=True)

    def change(self):
        member = self.member()
        member.use(EXAMPLE, self.random.choice(OTHER_POLICY))
        member.command("reload", check=True)

    def rekey(self):
        member = self.member()
        status = json.loads(member.command("status", "--json", check=True).stdout)
        standing = [child for sa in status["ike_sas"] for child in sa["children"] if child["state"] == "INSTALLED"]
        if not standing:
            return
        sa = self.random.choice(standing)
        target = sa["connection"] if self.random.random() < 0.3 else f"{sa['connection']}.{sa['child']}"
        member.command("rekey", target)  # it may be gone by now

    def step(self):
        kind = self.random.choice((self.kill, self.reload, self.change, self.rekey, self.rekey))
        kind()
        time.sleep(self.random.uniform(0.05, 0.4))
        return kind.__name__

    def answered(self):
        """Both families carry answers again."""
        for family in FAMILIES:
            wait_until(lambda: self.stage.ask("alice", "bob", family, "udp", f"again-{time.monotonic_ns()}", 3)[0], 60,
                       f"answers over {family} after a cycle")


def run(lab, cycles, seed):
    scene = Cycles(lab, seed)
    scene.answered()
    chatter = []
    for name, other in (("alice", "bob"), ("bob", "alice")):
        addresses = [scene.stage.wire.address(other, family) for family in FAMILIES]
        chatter.append(scene.stage.host(name).start(["/usr/bin/python3", "-c", CHATTER, PORT, *addresses]))
    # ESP is left out, or a thousand cycles would not fit a disk; capture.clear_packets() judges the rest.
    watch = capture.Capture(scene.stage.host("alice"), "wan", name="cycles", expression="not esp and not ip6 proto 50")
    done = {}
    for cycle in range(1, cycles + 1):
        kind = scene.step()
        done[kind] = done.get(kind, 0) + 1
        if cycle % 10 == 0 or cycle == cycles:
            scene.answered()
            if any(process.poll() is not None for process in chatter):
                raise Failure(f"the traffic ended before cycle {cycle}")
    path = watch.stop()
    clear = capture.clear_packets(path)
    if clear:
        raise Failure(f"seed {seed}: in the clear were {clear}")
    return f"{cycles} cycles ({', '.join(f'{count} {kind}' for kind, count in sorted(done.items()))}), seed {seed}: 0 clear packets"


def short(lab):
    return run(lab, SHORT, seed=1)


SCENARIOS = {"cycles": short}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    return isolation.play(name, keep, SCENARIOS)


def play_by_hand(cycles, seed, keep=False):
    return isolation.play("cycles", keep, {"cycles": lambda lab: run(lab, cycles, seed)})
