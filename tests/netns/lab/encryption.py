"""Guaranteed encryption, and who may have an IKE SA: policies on the wire of isolation.py.

A text that is only authenticated stands readable inside its ESP packet; so a capture says not only whether a flow was
protected, but how.
"""
import json
import time

from . import capture, isolation
from .isolation import FAMILIES, PORT, PROTOCOLS, SERVICE, Failure, Stage, every_way
from .pki import Authority
from .space import wait_until

EXAMPLE = "guaranteed-encryption.toml"


def _asked(stage, client, server, family, protocol, port, patience=12, rounds=1):
    """(answers, frames that show the text, kinds of clear packets, ESP packets) of one question."""
    text = f"{client}-{server}-{family}-{protocol}-{port}-{time.monotonic_ns()}"
    watch = capture.Capture(stage.host(client), "wan", name=f"enc-{client}-{server}-{family}-{protocol}-{port}")
    answers, _ = stage.ask(client, server, family, protocol, text, patience, port, rounds)
    path = watch.stop()
    shown = sum(text.encode() in data or text.upper().encode() in data for _, _, data in capture.packets(path))
    return answers, shown, capture.clear_packets(path), capture.sealed(path)


def _require(stage, client, server, port, wanted, patience=20):
    """wanted: "authenticated", "encrypted" or None (no answer); nothing is in the clear in any case."""
    def question(family, protocol):
        answers, shown, clear, esp = _asked(stage, client, server, family, protocol, port, patience if wanted else 3)
        what = f"{client} to {server} port {port} by {protocol} over {family}"
        if clear:
            raise Failure(f"{what}: in the clear were {clear}")
        if bool(answers) != (wanted is not None):
            raise Failure(f"{what}: {answers} answers")
        if wanted == "authenticated" and not (shown and esp):
            raise Failure(f"{what}: the text is shown {shown} times in {esp} ESP packets, and should be authenticated only")
        if wanted != "authenticated" and shown:
            raise Failure(f"{what}: the text can be read {shown} times, though it must be encrypted")
    every_way(question, wanted is None)


def _children(member):
    status = json.loads(member.command("status", "--json", check=True).stdout)
    return [child for sa in status["ike_sas"] for child in sa["children"] if child["state"] == "INSTALLED"]


def guaranteed_encryption(lab):
    """conf/guaranteed-encryption.toml on two hosts. [scenario 6]"""
    stage = Stage(lab, ("alice", "bob"))
    for name in ("alice", "bob"):
        stage.serve(name)
        stage.serve(name, SERVICE)
    for name in ("alice", "bob"):
        stage.member(name, EXAMPLE)
    # An SA that authenticates is there first, and is not taken for the service; then both live side by side.
    _require(stage, "alice", "bob", PORT, "authenticated")
    _require(stage, "alice", "bob", SERVICE, "encrypted")
    _require(stage, "alice", "bob", PORT, "authenticated")
    _require(stage, "bob", "alice", SERVICE, "encrypted")
    for name in ("alice", "bob"):
        children = _children(stage.members[name])
        for remote in (stage.wire.address("bob" if name == "alice" else "alice", family) for family in FAMILIES):
            pair = [sa for sa in children if any(remote in selector for selector in sa["remote"])]
            kinds = {(sa["algorithms"].startswith("null"), sa["guaranteed_encryption"]) for sa in pair}
            if kinds != {(True, False), (False, True)}:
                raise Failure(f"{name} has SAs of the kinds {kinds} with {remote}")
    # Nothing in common that encrypts: the service fails, and the rest goes on.
    bob, alice = stage.members["bob"], stage.members["alice"]
    bob.use(EXAMPLE, lambda text: text.replace('esp = ["null-sha256", "aes128gcm16"]', 'esp = ["null-sha256"]'))
    bob.command("reload", check=True)
    _require(stage, "alice", "bob", SERVICE, None)
    _require(stage, "alice", "bob", PORT, "authenticated", patience=30)
    told = [json.loads(line) for line in alice.command("events", "--json", check=True).stdout.splitlines()]
    if not any(e["type"] == "IKEEXT_QM_FAILURE" and e["point"] == "peer" and e["code"] == 13868 for e in told):
        raise Failure(f"no net event tells that no proposal was in common: {told}")
    return "an authenticated and an encrypted SA side by side, each for its flows; without a cipher in common the service fails, unread"


def first_packet_unencrypted(lab):
    """Bit 0x10: who does not know that the service is encrypted may begin authenticated only. [scenario 6]"""
    stage = Stage(lab, ("alice", "bob"))
    stage.serve("bob", SERVICE)
    unaware = lambda text: text.replace("IP_REMOTE_PORT = 5555", "IP_REMOTE_PORT = 1")
    stage.member("alice", EXAMPLE, change=unaware)
    bob = stage.member("bob", EXAMPLE)
    for family in FAMILIES:
        for protocol in PROTOCOLS:
            answers, _, clear, _ = _asked(stage, "alice", "bob", family, protocol, SERVICE, 3)
            if answers or clear:
                raise Failure(f"{protocol} over {family}, authenticated only: {answers} answers, in the clear were {clear}")
    bob.use(EXAMPLE, lambda text: text.replace('raw_context = ["REQUIRE_IPSEC_ENCRYPTION"]  #',
                                               'raw_context = ["REQUIRE_IPSEC_ENCRYPTION", "ALLOW_FIRST_INBOUND_PKT_UNENCRYPTED"]  #'))
    bob.command("reload", check=True)
    for family in FAMILIES:
        for protocol in PROTOCOLS:
            answers, shown, clear, _ = _asked(stage, "alice", "bob", family, protocol, SERVICE, 20, rounds=8)
            what = f"{protocol} over {family}"
            if clear or answers != 8:
                raise Failure(f"{what}: {answers} of 8 answers, in the clear were {clear}")
            # Of TCP the first packet is a SYN; of UDP it may be sent again until the encrypted answer can be given.
            if shown > (0 if protocol == "tcp" else 3):
                raise Failure(f"{what}: the text can be read {shown} times")
    return "refused without the bit; with it the first packet is authenticated, the answer and all that follows encrypted"


def authorization(lab):
    """A filter at KM_AUTHORIZATION lets one member have an IKE SA, and not another whose certificate is as good."""
    stage = Stage(lab, ("server", "clerk", "guest"))
    authority = Authority(lab.folder / "pki", "ecdsa")
    names = ("server", "clerk", "guest")
    auth = '{ method = "cert", certificate = "own.pem", key = "own.key", ca = "ca.pem" }'
    only = '''
[[filter]]
name  = "nobody has an IKE SA"
layer = "KM_AUTHORIZATION"
action = "BLOCK"

[[filter]]
name      = "but the clerk"
layer     = "KM_AUTHORIZATION"
weight    = 12
condition = { REMOTE_ID = ["O=Example, CN=clerk.example"], AUTHENTICATION_TYPE = "cert" }
'''
    stage.serve("server")
    for name in names:
        certificate, key = authority.leaf(f"{name}.example", "ecdsa")
        files = {"own.pem": certificate, "own.key": key, "ca.pem": authority.certificate}
        more = only if name == "server" else ""
        stage.member(name, "transport-required.toml", files,
                     lambda text: text.replace('{ method = "psk", secret = "machines.psk" }', auth) + more)
    stage.require("clerk", "server", "secured", patience=20)
    stage.require("guest", "server", None, patience=3)
    told = [json.loads(line) for line in stage.members["server"].command("events", "--json", check=True).stdout.splitlines()]
    mine = [e for e in told if e["type"] == "IKEEXT_MM_FAILURE" and "KM_AUTHORIZATION" in e["sentence"]]
    if not mine or mine[0]["point"] != "me" or mine[0]["role"] != "responder" or b"guest".hex() not in mine[0]["remote_name"]:
        raise Failure(f"the server's net events are {told}")
    # The policy changes: who has an IKE SA loses it.
    server = stage.members["server"]
    server.use("transport-required.toml", lambda text: text.replace('{ method = "psk", secret = "machines.psk" }', auth) + only.replace("clerk", "guest"))
    server.command("reload", check=True)
    wait_until(lambda: not _children(server), 10, "the clerk's SAs to end")
    stage.require("clerk", "server", None, patience=3)
    return "of two members with good certificates one gets an IKE SA, until the filter names the other"


SCENARIOS = {
    "guaranteed-encryption": guaranteed_encryption,
    "first-packet-unencrypted": first_packet_unencrypted,
    "ike-authorization": authorization,
}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    return isolation.play(name, keep, SCENARIOS)
