"""SAs as programs see and make them, through the C interface alone: what secures a connection, and SAs made by hand."""
import os
import subprocess

from . import capture, isolation
from .isolation import FAMILIES, PORT, Failure, Stage
from .pki import Authority
from .traffic import BUILD

PROTOCOL_NUMBER = {"tcp": 6, "udp": 17}


def _program(name):
    path = BUILD / "tests" / "netns" / name
    if not path.exists():
        raise Failure(f"{path} is not built")
    return path


def _environment(member):
    return {**os.environ, "SALLYPORT_SOCKET": str(member.socket)}


class Maker:
    """One run of direct_sa."""

    def __init__(self, stage, here, there, family, kind, number):
        self.what = f"{here} to {there} by {kind} over {family}"
        addresses = [stage.wire.address(name, family) for name in (here, there)]
        self.process = stage.host(here).start([_program("direct_sa"), *addresses, kind, number], stdin=subprocess.PIPE,
                                              stdout=subprocess.PIPE, text=True, env=_environment(stage.members[here]))
        self.spi = int(self.hear("spi").split()[1])

    def hear(self, word):
        line = self.process.stdout.readline().strip()
        if not line.startswith(word):
            raise Failure(f"{self.what}: the program says {line!r} and not {word}")
        return line

    def say(self, text, answer="done"):
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()
        self.hear(answer)


def _pair(stage, family, kind, number):
    makers = Maker(stage, "alice", "bob", family, kind, number), Maker(stage, "bob", "alice", family, kind, number)
    makers[0].say(makers[1].spi, "ready")
    makers[1].say(makers[0].spi, "ready")
    if min(maker.spi for maker in makers) < 256:
        raise Failure(f"SPIs are {[maker.spi for maker in makers]}")
    return makers


def _asked(stage, family, text, kind):
    """One question over TCP, and what the wire held of it: (answers, packets of the protection, times the text was seen)."""
    watch = capture.Capture(stage.host("alice"), "wan", name=text)
    answers, _ = stage.ask("alice", "bob", family, "tcp", text, 4)
    path = watch.stop()
    shown = sum(text.encode() in data or text.upper().encode() in data for _, _, data in capture.packets(path))
    sealed = len(list(capture.ah_packets(path))) if kind in ("ah", "both") else capture.census(path)["esp"]
    return answers, sealed, shown


def manual_sas(lab):
    """[scenario 9] two hosts without any keying policy; programs add filters and SAs, and exchange SPIs by hand."""
    stage = Stage(lab, ("alice", "bob"))
    stage.serve("bob")
    for name in ("alice", "bob"):
        stage.member(name, "transport-required.toml", change=lambda text: "")
    stage.require("alice", "bob", "clear")
    number = 0
    for kind, family in (("esp", "v4"), ("gcm", "v6"), ("ah", "v4"), ("ah", "v6"), ("both", "v4"), ("both", "v6")):
        number += 1
        alice, bob = _pair(stage, family, kind, number)
        what = f"{kind} over {family}"
        answers, sealed, shown = _asked(stage, family, f"by-hand-{kind}-{family}", kind)
        if not answers or not sealed:
            raise Failure(f"{what}: {answers} answers, {sealed} protected packets\n" + stage.members["alice"].tail(15))
        if shown and kind != "ah":
            raise Failure(f"{what}: the wire shows the text {shown} times")
        # Half a pair is none: nothing leaves in the clear, and nobody is asked for another SA.
        bob.say("delete")
        alice.say("expire")
        answers, _, shown = _asked(stage, family, f"expired-{kind}-{family}", kind)
        if answers or shown:
            raise Failure(f"{what}, expired: {answers} answers, the text is on the wire {shown} times")
        tail = stage.members["alice"].tail(400)
        if "asks for an SA by filter" in tail:
            raise Failure(f"{what}: a negotiation was started for a filter with SAs made by hand\n{tail}")
        for maker in (alice, bob):
            maker.process.kill()  # their sessions take the filters, and those what is left of the SAs
            maker.process.wait()
        answers, _ = stage.ask("alice", "bob", family, "tcp", f"clear-again-{kind}-{family}", 6)
        if not answers:
            raise Failure(f"{what}: the policy is gone, and still nothing passes")
    alice, bob = _pair(stage, "v4", "esp", 99)
    for maker in (alice, bob):
        maker.say("end")
    return "ESP, AH and AH around ESP in transport mode over IPv4 and IPv6 by hand; expired SAs close; filters take their SAs with them"


def _shown(stage, here, there, family, protocol, ports):
    done = stage.host(here).run([_program("show_sas"), stage.wire.address(here, family), stage.wire.address(there, family),
                                 PROTOCOL_NUMBER[protocol], *ports], check=False, env=_environment(stage.members[here]))
    if done.returncode != 0:
        raise Failure(f"{here} is not shown what secures its {protocol} over {family} to {there}: {done.stdout}{done.stderr}")
    return dict(word.split("=") for word in done.stdout.split())


def shown_sas(lab):
    """[WFP 15.3] what secures a connection is found by its addresses and ports: pre-shared key, then certificates."""
    stage = Stage(lab, ("alice", "bob"))
    for name in ("alice", "bob"):
        stage.serve(name)
    authority = Authority(lab.folder / "pki", "ecdsa")
    for auth, method in (("psk", "0"), ("cert", "7")):
        for name in ("alice", "bob"):
            certificate, key = authority.leaf(f"{name}.example", "ecdsa")
            words = '{ method = "cert", certificate = "me.pem", key = "me.key", ca = "ca.pem" }'

            def change(text):
                return text if auth == "psk" else text.replace('{ method = "psk", secret = "members.psk" }', words).replace(
                    '{ method = "psk", secret = "machines.psk" }', words)
            if name in stage.members:
                stage.members[name].stop()
            stage.member(name, "transport-required.toml", {"me.pem": certificate, "me.key": key, "ca.pem": authority.certificate,
                                                           "members.psk": "a secret of the whole domain\n",
                                                           "machines.psk": "a secret of two machines\n"}, change)
        stage.require("alice", "bob", "secured", patience=20)
        for here, there, ports in (("alice", "bob", (40000, PORT)), ("bob", "alice", (PORT, 40000))):
            for family in FAMILIES:
                told = _shown(stage, here, there, family, "tcp", ports)
                if told["method"] != method or told["peer"] != method or told["module"] != "2" or int(told["spi"]) < 256:
                    raise Failure(f"{here} over {family} with {auth} is shown {told}")
                if (told["name"] == "0") != (auth == "psk"):
                    raise Failure(f"{here} over {family} with {auth}: the certificate's name has {told['name']} octets")
    return f"filter, SA context and IKE SA of a connection are found on both sides over IPv4 and IPv6: {told}"


class Watcher:
    """One run of watch_sas."""

    def __init__(self, stage, name):
        self.name = name
        self.process = stage.host(name).start([_program("watch_sas")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                              env=_environment(stage.members[name]))
        self.said = []
        self.until("ready")

    def until(self, word):
        """What it says down to a line that begins so."""
        begun = len(self.said)
        while True:
            line = self.process.stdout.readline().strip()
            if not line:
                raise Failure(f"{self.name}'s watcher ended: {self.said}")
            self.said.append(line)
            if line.startswith(word):
                return self.said[begun:]

    def list(self):
        self.process.stdin.write("list\n")
        self.process.stdin.flush()
        return [line.split() for line in self.until("done") if line.startswith("connection")]

    def told(self, word):
        return [line.split()[1:] for line in self.said if line.startswith(word)]


def watched_sas(lab):
    """[WFP 18] connections are told when they begin and end; [WFP 19] key managers of both ends are told the same keys."""
    stage = Stage(lab, ("alice", "bob"))
    stage.serve("bob")
    for name in ("alice", "bob"):
        stage.member(name, "key-modules.toml", {"machines.psk": "a secret of two machines\n"})
    watchers = {name: Watcher(stage, name) for name in ("alice", "bob")}
    answers, _ = stage.ask("alice", "bob", "v4", "tcp", "watched", 4)
    if not answers:
        raise Failure("nothing passes\n" + stage.members["alice"].tail(20))
    standing = {name: watcher.list() for name, watcher in watchers.items()}
    for name, rows in standing.items():
        added = watchers[name].told("add")
        if len(rows) != 1 or len(added) != 1 or added[0][0] != rows[0][1] or added[0][2:] != ["0", "2"]:
            raise Failure(f"{name} sees {rows}, and was told {added}")
        if min(map(int, rows[0][2:4])) == 0 or rows[0][4] != "1":
            raise Failure(f"{name}'s connection carries {rows[0]}")
    alice, bob = (watchers[name].told("keys") for name in ("alice", "bob"))
    if not alice or sorted(tuple(reversed(row)) for row in alice) != sorted(map(tuple, bob)):
        raise Failure(f"alice is told {alice}, bob {bob}")
    if any(len(half.split(":")[1]) != 40 for row in alice for half in row):
        raise Failure(f"keys of AES-128 with GCM's salt have other lengths: {alice}")
    # A key manager that is killed takes nothing with it, and what it watched goes on.
    watchers["bob"].process.kill()
    watchers["bob"].process.wait()
    stage.members["bob"].stop()
    gone = watchers["alice"].until("delete")[-1].split()
    if gone[1] != standing["alice"][0][1] or watchers["alice"].list():
        raise Failure(f"bob has left, and alice is told {gone}")
    return f"one connection at both ends, told and counted; {len(alice)} pair of keys, the same at both; its end is told"


SCENARIOS = {"manual-sas": manual_sas, "shown-sas": shown_sas, "watched-sas": watched_sas}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    return isolation.play(name, keep, SCENARIOS)
