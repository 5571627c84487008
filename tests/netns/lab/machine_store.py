"""Policy of programs that authenticates by certificates, which the daemon finds in [certificates]."""
import json
import os
import subprocess

from . import capture, isolation
from .isolation import PORT, Failure, Stage
from .pki import Authority
from .traffic import BUILD

ROOTS = ("root A", "root B")


class Program:
    """One run of by_certificate: it proves itself by one root and trusts another."""

    def __init__(self, stage, here, there, own_root, peers_root):
        addresses = [stage.wire.address(name, "v4") for name in (here, there)]
        words = [BUILD / "tests" / "netns" / "by_certificate", *addresses, own_root, peers_root]
        self.process = stage.host(here).start(words, stdout=subprocess.PIPE, text=True,
                                              env={**os.environ, "SALLYPORT_SOCKET": str(stage.members[here].socket)})
        if (said := self.process.stdout.readline().strip()) != "installed":
            raise Failure(f"{here}: the program says {said!r}")

    def kill(self):
        self.process.kill()
        self.process.wait()


def _member(stage, name, authorities):
    files = {"roots.pem": "".join(each.certificate.read_text() for each in authorities)}
    # The second one of both hosts leads to root A.
    for stem, authority, kind in (("host", authorities[1], "ecdsa"), ("host-rsa", authorities[0], "rsa")):
        files[f"{stem}.pem"], files[f"{stem}.key"] = authority.leaf(f"{name}.{stem}.example", kind)
    stage.member(name, "machine-certificates.toml", files)


def by_programs(lab):
    """[WFP 13.3] transport mode that programs set up by the C interface, by the roots that they name."""
    stage = Stage(lab, ("alice", "bob"))
    stage.serve("bob")
    authorities = [Authority(lab.folder / name.replace(" ", "-"), "ecdsa", name) for name in ROOTS]
    for name in ("alice", "bob"):
        _member(stage, name, authorities)
    a, b = ROOTS
    methods = set()
    for own, trusted, bobs_own, works in ((a, a, a, True), (b, a, a, True), (b, b, a, False), ("root C", a, a, False)):
        what = f"alice proves herself by {own} and trusts {trusted}, bob proves himself by {bobs_own}"
        programs = [Program(stage, "alice", "bob", own, trusted),
                    Program(stage, "bob", "alice", bobs_own, own if own in ROOTS else a)]
        watch = capture.Capture(stage.host("alice"), "wan", name=f"{own}-{trusted}-{bobs_own}".replace(" ", "-"))
        answers, _ = stage.ask("alice", "bob", "v4", "tcp", "by-certificate", 8 if works else 2)
        path = watch.stop()
        if bool(answers) != works:
            raise Failure(f"{what}: {answers} answers\n" + stage.members["alice"].tail(15))
        if clear := capture.clear_packets(path):
            raise Failure(f"{what}: in the clear were {clear}")
        if works and not capture.sealed(path):
            raise Failure(f"{what}: the wire shows no ESP")
        if works:
            methods |= {(sa["local_id"], sa["remote_id"]) for sa in stage.members["alice"].status()["ike_sas"]}
        for program in programs:
            program.kill()
    if methods != {("O=Example, CN=alice.host-rsa.example", "O=Example, CN=bob.host-rsa.example"),
                   ("O=Example, CN=alice.host.example", "O=Example, CN=bob.host-rsa.example")}:
        raise Failure(f"who proved what: {methods}")
    told = [json.loads(line) for line in stage.members["alice"].command("events", "--json", check=True).stdout.splitlines()]
    failures = [row for row in told if row.get("type", "").startswith("IKEEXT_")]
    if len(failures) < 2:
        raise Failure(f"alice's net events are {told}")
    if "no certificate of [[certificates.machine]] is as the policy wants it" not in (log := stage.members["alice"].tail(60)):
        raise Failure(f"why there is no method is not said\n{log}")
    answers, _ = stage.ask("alice", "bob", "v4", "tcp", "clear-again", 4, PORT)
    if not answers:
        raise Failure("the programs are gone, and still nothing passes")
    return "each end sends the certificate that leads to the root its program names, and believes the roots it names alone"


SCENARIOS = {"program-certificates": by_programs}
NAMES = tuple(SCENARIOS)


def play(name, keep):
    return isolation.play(name, keep, SCENARIOS)
