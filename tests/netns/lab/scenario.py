"""One tunnel between two daemons, from nothing to the last check: what the cases of interop and netns are made of.

east always starts the exchange (behind a NAT nobody else can). A case says which daemon plays east, the steps to take while
traffic runs, and the judges look at the wire afterwards. Fails with Failure and one sentence; logs of both sides are appended.
"""
import dataclasses
import time

from . import capture, judges
from .connection import Connection, End
from .pki import Authority
from .sallyport import Sallyport
from .space import Lab, Plan, wait_until
from .strongswan import Strongswan, peer_names
from .traffic import Flow

IKE = {"gcm": "aes256gcm16-prfsha256-x25519", "cbc": "aes256-sha256-prfsha256-ecp256", "chacha": "chacha20poly1305-prfsha256-modp2048"}
ESP = {"gcm": "aes128gcm16", "cbc": "aes256-sha256", "chacha": "chacha20poly1305"}


class Failure(Exception):
    """The case failed; the text is one sentence about what was expected and what was seen."""


@dataclasses.dataclass
class Case:
    """starter: "ours" or "peer", who plays east. steps: see Scenario.step(). auth: psk rsa ecdsa ed25519. cipher: gcm cbc chacha.
    esp: proposal of the Child SA where it is not the cipher's. child: keys of our daemon's child, see Connection.
    recover: seconds from the restart of a killed daemon until traffic flows again. encap: false for native ESP where no NAT is.
    east_knows_itself: false leaves out its own address (our daemon only)."""
    name: str
    starter: str = "ours"
    outer: str = "v4"
    nat: bool = False
    auth: str = "psk"
    cipher: str = "gcm"
    steps: tuple = ()
    recover: float = 20.0
    pps: int = 500
    pfs: bool = False
    encap: bool = True
    # Large and joined packets on the TUN device; what its capture shows cannot be compared packet by packet then.
    offloads: bool = False
    workers: int = 1   # of our daemons
    east_knows_itself: bool = True
    esp: str = ""
    users: str = ""   # "east", "west" or "both": the ends with a user beside the machine, whom the other end demands
    child: dict = dataclasses.field(default_factory=dict)

    def proposal(self):
        return self.esp or ESP[self.cipher]


class Scenario:
    """ours, peer: "sallyport" or "strongswan"."""

    def __init__(self, lab, case, ours="sallyport", peer="strongswan"):
        self.lab, self.case = lab, case
        self.plan = Plan(lab, case.outer, case.nat)
        self.plan.cut_before_the_wire()
        self.connection = self._connection()
        restart = any(step.startswith("kill") for step in case.steps)
        self.connection.dpd = 1 if restart else 0
        kinds = {"ours": ours, "peer": peer}
        # The end that waits starts first.
        order = {"ours": ("peer", "ours"), "peer": ("ours", "peer")}[case.starter]
        self.ends, self.sides = {}, {}
        for who, side in zip(order, ("west", "east")):
            self.sides[who] = side
            self.ends[who] = self._daemon(kinds[who], side, restart)
        for who in order:
            self.ends[who].start()

    def _connection(self):
        case, plan = self.case, self.plan
        east = End("east.example", plan.east_address, plan.nets["east"])
        west = End("west.example", plan.west_address, plan.nets["west"])
        connection = Connection(east, west, ike=IKE[case.cipher], esp=case.proposal(), child=dict(case.child), west_knows_east=not case.nat,
                                encap=case.encap, east_knows_itself=case.east_knows_itself, offloads=case.offloads)
        if case.pfs:
            connection.esp += "-" + connection.ike.rsplit("-", 1)[1]
        if case.auth != "psk":
            authority = Authority(self.lab.folder / "pki", "ecdsa" if case.auth == "ed25519" else case.auth)
            for end in (east, west):
                end.certificate, end.key = authority.leaf(end.identity, case.auth)
            connection.auth, connection.ca = "cert", authority.certificate
        if case.users:
            users = Authority(self.lab.folder / "users", "ecdsa", "Sallyport Test Users")
            connection.user_ca = users.certificate
            for side, name in (("east", "alice@east.example"), ("west", "bob@west.example")):
                end = connection.end(side)
                if case.users in (side, "both"):
                    end.user = name
                    end.user_certificate, end.user_key = users.leaf(name, "ecdsa")
        return connection

    def _daemon(self, kind, side, restart):
        host = self.plan.host(side)
        if kind == "strongswan":
            return Strongswan(host, self.connection, side, tries=2 if restart else 4, timeout=0.6 if restart else 1.0)
        start = "up" if restart and side == "east" else "none"
        return Sallyport(host, self.connection, side, start=start, key_log=True,
                         daemon=f"workers = {self.case.workers}" if self.case.workers > 1 else "")

    def starter(self):
        return self.ends[self.case.starter]

    # Facts

    def ping(self, side, count=3):
        host, other = self.plan.host(side), "west" if side == "east" else "east"
        return host.ping(self.plan.inner(other), count=count, source=self.plan.inner(side))

    def require_traffic(self, when):
        for side in ("east", "west"):
            answered = self.ping(side)
            if answered != 3:
                raise Failure(f"{when}: {answered} of 3 echo requests from {side} were answered")

    def require_algorithms(self):
        """The strongSwan side must report exactly the algorithms that were configured."""
        for who, end in self.ends.items():
            if not isinstance(end, Strongswan):
                continue
            seen = end.negotiated()
            if seen is None:
                raise Failure(f"{who} (strongSwan) reports no established SA")
            expected = "/".join(peer_names(IKE[self.case.cipher])), "/".join(peer_names(self.case.proposal()))
            if seen != expected:
                raise Failure(f"strongSwan negotiated {seen}, expected {expected}")

    def require_users(self):
        """Our daemon must report the users that each end has proved."""
        for who, end in self.ends.items():
            if not isinstance(end, Sallyport):
                continue
            side = self.sides[who]
            sas = end.status()["ike_sas"]
            seen = {(sa["local_user"], sa["remote_user"]) for sa in sas}
            expected = {(self.connection.end(side).user, self.connection.other(side).user)}
            if seen != expected:
                raise Failure(f"{who} reports the users {seen}, expected {expected}")

    # Steps under traffic

    def step(self, name):
        """rekey-child:WHO rekey-ike:WHO delete-child:WHO delete-ike:WHO kill:WHO, WHO being ours or peer."""
        action, who = name.split(":")
        end = self.ends[who]
        if action.startswith("rekey-"):
            before = self._spis()
            end.rekey(action.removeprefix("rekey-"))
            if before is not None:
                wait_until(lambda: self._spis() not in (before, None), 8, f"new SPIs after {name}")
        elif action.startswith("delete-"):
            end.down(child_only=action == "delete-child")
            self._require_gone(who)
        elif action == "kill":
            end.kill()
            time.sleep(1.0)
            end.start()
            self.restarted = time.monotonic()
        else:
            raise ValueError(name)

    def _spis(self):
        """The newest IKE and Child SPIs as strongSwan sees them; None without a strongSwan or an SA."""
        for end in self.ends.values():
            if isinstance(end, Strongswan):
                sas = end.established()
                if not sas:
                    return None
                return (sas[-1]["initiator-spi"], sorted(c["spi-in"] for c in sas[-1]["children"] if c["state"] == "INSTALLED")[-1:])
        return None

    def _require_gone(self, who):
        other = self.ends["peer" if who == "ours" else "ours"]
        if isinstance(other, Strongswan):
            wait_until(lambda: not other.established(), 8, f"the delete of {who} to reach strongSwan")
        # What the deleting side no longer has must not carry traffic, nor leak in clear.
        if self.ping("east", 1):
            raise Failure(f"traffic still flows after the delete by {who}")

    # The whole

    def run(self):
        wire = capture.Capture(self.plan.west, "wan")
        # On our own side: what a peer loses after decryption is not ours to answer for.
        inner = capture.Capture(self.plan.host(self.sides["ours"]), self._tun("ours"))
        if not any(step.startswith("kill") for step in self.case.steps) or isinstance(self.starter(), Strongswan):
            done = self.starter().up()
            if done.returncode != 0:
                raise Failure(f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-600:]}")
        else:
            wait_until(lambda: self.ping("east", 1), 20, "the tunnel that starts by itself")
        self.require_algorithms()
        self.require_users()
        self.require_traffic("after the start")
        rekeys = [step for step in self.case.steps if step.startswith("rekey")]
        if rekeys:
            self._rekeys(rekeys)
        kills = [step for step in self.case.steps if step.startswith("kill")]
        if kills:
            self._kills(kills)
        for step in self.case.steps:
            if step.startswith("delete"):
                self.step(step)
        wire.stop()
        clear = capture.clear_packets(wire.path)
        if clear:
            raise Failure(f"the wire held clear packets: {clear}")
        counts = capture.census(wire.path)
        if not counts["ike"] or not counts["esp"] + counts["esp-udp"]:
            raise Failure(f"the wire held no IKE or no ESP: {dict(counts)}")
        if not self.case.encap and not self.case.nat and counts["esp-udp"]:
            raise Failure(f"native ESP was asked for and no NAT is there, but the wire held UDP-encapsulated ESP: {dict(counts)}")
        self._judge_keys(wire.path, inner.stop())
        return counts

    def _tun(self, who):
        return "ipsec0" if isinstance(self.ends[who], Strongswan) else "sallyport0"

    def flow(self, seconds):
        return Flow(self.plan.east, self.plan.west, self.plan.inner("east"), self.plan.inner("west"), pps=self.case.pps, seconds=seconds)

    def _rekeys(self, steps):
        flow = self.flow(seconds=1.0 + 1.2 * len(steps))
        time.sleep(1.0)
        for step in steps:
            self.step(step)
            time.sleep(0.5)
        directions = flow.finish()
        for way, count in zip(("east to west", "west to east"), directions):
            if count.lost or count.corrupt:
                raise Failure(f"{count.lost} of {count.sent} packets lost and {count.corrupt} damaged {way} over {', '.join(steps)}")
        self.require_traffic("after the rekeys")

    def _kills(self, steps):
        for step in steps:
            flow = self.flow(seconds=25)
            time.sleep(1.0)
            self.step(step)
            wait_until(lambda: self.ping("east", 1) and self.ping("west", 1), 20, f"traffic after {step}")
            took = time.monotonic() - self.restarted
            print(f"    traffic flows {took:.1f} s after the restart")
            if took > self.case.recover:
                raise Failure(f"{step}: traffic flowed {took:.1f} s after the restart, allowed are {self.case.recover:g} s")
            flow.stop()
            flow.finish()
            self.require_traffic(f"after {step}")

    def _judge_keys(self, path, inner_path):
        """With our daemon's logged keys, tshark and scapy must open the IKE and ESP of the wire, to the bytes of the inner side."""
        ours = [end for end in self.ends.values() if isinstance(end, Sallyport) and end.keys]
        if not ours:
            return
        keys = ours[0].keys
        inner = judges.inner_packets(inner_path)
        # A killed daemon takes its TUN device and so the inner capture along: then only the keys are judged.
        whole = not any(step.startswith("kill") for step in self.case.steps)
        if judges.known_to_scapy(self.case.proposal()):
            self._judge_by_scapy(path, keys, inner if whole else None)
        if judges.known_to_tshark(self.case.proposal()):
            self._judge_by_tshark(path, keys, inner if whole else None)

    def _judge_by_scapy(self, path, keys, inner):
        on_wire = sum(1 for _ in capture.esp_packets(path))
        opened = judges.opened_by_scapy(path, keys)
        if len(opened) < on_wire:
            raise Failure(f"only {len(opened)} of {on_wire} ESP packets open with the logged keys")
        if inner is not None and (wrong := judges.differing(opened, inner)):
            raise Failure(f"{wrong} of {len(opened)} packets opened by scapy are not what the inner side carried")

    def _judge_by_tshark(self, path, keys, inner):
        good, bad = judges.icv_verdicts(path, keys)
        rows = judges.opened_by_tshark(path, keys)
        if bad or not good or not rows:
            raise Failure(f"tshark with the logged keys: {good} right ICVs, {bad} wrong, {len(rows)} packets read")
        if inner is not None and (wrong := judges.unknown_to(inner, rows)):
            raise Failure(f"{wrong} of {len(rows)} packets read by tshark are not what the inner side carried")
        inside = [kinds for exchange, kinds in judges.ike_payloads(path, keys) if exchange == 35]
        # 39 (AUTH) lies inside SK (46) or the fragments of SKF (53): seen only when the keys are right.
        if not any(39 in kinds for kinds in inside):
            raise Failure(f"tshark did not read AUTH inside IKE_AUTH: {inside}")


def play(case, ours, peer, keep=False):
    """Runs one case; returns (passed, text). Always cleans up."""
    begun = time.monotonic()
    with Lab(keep=keep) as lab:
        scenario = None
        try:
            scenario = Scenario(lab, case, ours, peer)
            counts = scenario.run()
            seen = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            return True, f"{time.monotonic() - begun:.1f} s; wire: {seen}"
        except Exception as why:  # every failure of a case is reported with both logs, whatever raised it
            text = f"{type(why).__name__}: {why}"
            if scenario:
                for who, end in scenario.ends.items():
                    text += f"\n---- log of {who} ({type(end).__name__}, {scenario.sides[who]})\n{end.tail()}"
            return False, text
