"""Filters on the host's own programs and users: who of one host may connect, and whose listeners are reached, by the filters of
conf/programs-and-users.toml and by those of a program. The other host has no daemon; its wire shows what left."""
import json
import os
import shutil
import subprocess
import time

from . import capture, isolation
from .isolation import FAMILIES, PROTOCOLS, SPEAKER, Failure, Stage, at_once
from .space import wait_until
from .traffic import BUILD

PYTHON = os.path.realpath("/usr/bin/python3")
OPEN, REACHED = 3128, 8080  # as the example has them: of the other host, and the first of three of ours
UID = 1234
# Who asks or listens: program, account.
PEOPLE = {"the program": ("one", 0), "another program": ("two", 0), "the user": ("two", UID)}
LET = ("the program", "the user")
PATIENCE = 2.5

EXAMPLE = "programs-and-users.toml"


class Host:
    """Two copies of one program, and two accounts."""

    def __init__(self, stage, name):
        self.stage, self.host = stage, stage.host(name)
        self.programs = {}
        for one in ("one", "two"):
            path = self.host.folder / one / "speaker"
            path.parent.mkdir()
            shutil.copy(PYTHON, path)
            self.programs[one] = path
        for folder in (self.host.folder, *self.host.folder.parents[:1]):
            folder.chmod(0o755)

    def words(self, who, *words):
        program, uid = PEOPLE[who]
        account = ["setpriv", f"--reuid={uid}", "--clear-groups"] if uid else []
        return [*account, self.programs[program], "-c", SPEAKER, *words]

    def ask(self, who, address, protocol, text, patience):
        done = self.host.run(self.words(who, "ask", protocol, address, OPEN, text, patience), check=False, timeout=60,
                             env={**os.environ, "PYTHONHOME": "/usr"})
        if len(done.stdout.split()) != 2:
            raise Failure(f"{who} ended strangely: {done.stdout}{done.stderr}")
        return int(done.stdout.split()[0])

    def serve(self, who, address, protocol, port):
        process = self.host.start(self.words(who, "serve", protocol, address, port), stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "PYTHONHOME": "/usr"})
        if process.stdout.readline().strip() != "bound":
            raise Failure(f"{who} does not listen")


def shown(path, text):
    """Frames with that text on the wire."""
    return sum(text.encode() in data for _, _, data in capture.packets(path))


def expect(stage, ours, when, let=LET):
    """Everybody connects, and everybody's listener is asked for, every way and all at once."""
    watch = capture.Capture(stage.host("plain"), "wan", name=f"owners-{time.monotonic_ns()}")

    def question(who, way, family, protocol):
        what = f"{when}: {who}, {way} by {protocol} over {family}"
        patience = 6 if who in let else PATIENCE
        text = f"{who}-{way}-{family}-{protocol}".replace(" ", "_")
        if way == "connect":
            got = ours.ask(who, stage.wire.address("plain", family), protocol, text, patience)
        else:
            port = REACHED + list(PEOPLE).index(who)
            got = stage.ask("plain", "alice", family, protocol, text, patience, port)[0]
        if bool(got) != (who in let):
            raise Failure(f"{what}: {'no answer came' if who in let else 'an answer came'}; {stage.members['alice'].status()['counters']}")
        return text, who, way, protocol
    asked = at_once(question, [(who, way, family, protocol) for who in PEOPLE for way in ("connect", "accept")
                               for family in FAMILIES for protocol in PROTOCOLS])
    path = watch.stop()
    for text, who, way, protocol in asked:
        if who not in let and way == "connect" and shown(path, text):
            raise Failure(f"{when}: of {who} left {shown(path, text)} packets")
        if who not in let and shown(path, text.upper()):
            raise Failure(f"{when}: {who} answered {shown(path, text.upper())} times")
        if who in let and not shown(path, text):
            raise Failure(f"{when}: of {who} the wire shows nothing")


def decider(member, *words):
    told = json.loads(member.command("explain", *words, "--json", check=True).stdout)
    return {row["layer"]: row["name"] for row in told["layers"]}


def owner_filters(lab):
    """[WFP ALE_APP_ID, ALE_USER_ID] one program and one account of a host connect and are reached, others are not."""
    program = BUILD / "tests" / "netns" / "owner_filters"
    if not program.exists():
        raise Failure(f"{program} is not built")
    stage = Stage(lab, ("alice", "plain"))
    ours = Host(stage, "alice")
    stage.serve("plain", OPEN)
    for number, who in enumerate(PEOPLE):
        for family in FAMILIES:
            for protocol in PROTOCOLS:
                ours.serve(who, stage.wire.address("alice", family), protocol, REACHED + number)
    member = stage.member("alice", EXAMPLE, change=lambda text: text.replace("/usr/bin/curl", str(ours.programs["one"])).replace("nobody\"", f"{UID}\""))
    expect(stage, ours, "by the configuration")
    ends = (stage.wire.address("alice", "v4"), stage.wire.address("plain", "v4"), "tcp", OPEN)
    for words, name in ((("--program", ours.programs["one"]), "one program connects"), (("--user", UID), "one account connects"), ((), "nobody else connects")):
        told = decider(member, *ends, *words)["ALE_AUTH_CONNECT_V4"]
        if told != name:
            raise Failure(f"explain {words} names \"{told}\"")
    conditions = {text for row in json.loads(member.command("filter", "--json", check=True).stdout) for text in row["conditions"]}
    if not {f"ALE_USER_ID EQUAL user {UID}", f"ALE_APP_ID EQUAL {str(ours.programs['one']).lower()}"} <= conditions:
        raise Failure(f"the filters are listed with {sorted(conditions)}")
    # The same by a program, whose filters go with it.
    member.use(EXAMPLE, lambda text: "")
    member.command("reload", check=True)
    expect(stage, ours, "without filters", let=tuple(PEOPLE))
    adders = []
    for way, ports in (("connect", (OPEN,)), ("accept", range(REACHED, REACHED + 3))):
        for port in ports:
            adders.append(stage.host("alice").start([program, way, port, ours.programs["one"], UID], stdout=subprocess.PIPE, text=True,
                                                    env={**os.environ, "SALLYPORT_SOCKET": str(member.socket)}))
            if adders[-1].stdout.readline().strip() != "there":
                raise Failure(f"the program ended with {adders[-1].wait()}")

    def asking(chain):
        return stage.host("alice").run(["nft", "list", "table", "inet", "sallyport"]).stdout.count(f"goto {chain} comment")
    # Two filters that ask, in both versions of their sublayer's chain, for each IP version and port.
    wait_until(lambda: asking("filter_ask") == 24 and asking("filter_capture") == 8, 10, "the packet filter to follow")
    expect(stage, ours, "by a program")
    # Nobody asks for the daemon any more: closed.
    member.kill()
    expect(stage, ours, "without the daemon", let=())
    return "one program and one account connect and are reached by TCP and UDP over IPv4 and IPv6, by the configuration's filters and a program's; others are not, and nobody after a crash"


SCENARIOS = {"owner-filters": owner_filters}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    return isolation.play(name, keep, SCENARIOS)
