#!/usr/bin/python3
"""Secured sockets, between two daemons and a plain host on one wire; the wire is the judge. Exit 77 means skipped, with the reason."""
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "netns"))
from lab import capture
from lab.isolation import FAMILIES, PROTOCOLS, Failure, Stage, at_once
from lab.pki import Authority
from lab.space import Lab, wait_until
from lab.traffic import BUILD
import callers
import cases
import evidence
import people
import programs
import reasons_told
import starts

SECURED, ENCRYPTED = 1, 2
PORT = 27015
SETTINGS = ("plain", "0", "encrypt", "insecure")


def open_way_to(folder):
    """For programs of other users."""
    for each in [folder, *folder.parents]:
        if each != pathlib.Path("/"):
            each.chmod(each.stat().st_mode | 0o011)


class Talk:
    """Two secured hosts, alice and bob, a plain one, and programs of nobody's on them."""

    def __init__(self, lab, change=lambda name, text: text, files=lambda name: None, example="secure-sockets.toml"):
        self.stage = Stage(lab, ("alice", "bob", "plain"))
        for name in ("alice", "bob"):
            member = self.stage.member(name, example, files(name) or {"sockets.psk": "a secret of all sockets\n"},
                                       lambda text: 'policy_store = "none"\n' + change(name, text))
            member.folder.chmod(0o711)
        open_way_to(lab.folder)

    def words(self, host, verb, protocol, server, family, settings, *more):
        environment = {**os.environ, "SALLYPORT_LIBRARY": str(BUILD / "src" / "api" / "libsallyport.so"),
                       "SALLYPORT_SOCKETS": str(self.stage.host(host).folder / "sallyport" / "sockets.sock")}
        address = self.stage.wire.address(server, family)
        port = more[0] if more else PORT
        return ["/usr/bin/python3", HERE / "talk.py", verb, protocol, address, port, settings, *more[1:]], environment

    def serve(self, host, protocol, family, settings, port=PORT):
        words, environment = self.words(host, "serve", protocol, host, family, settings, port)
        process = self.stage.host(host).start(words, stdout=subprocess.PIPE, text=True, env=environment)
        line = process.stdout.readline()
        if "bound" not in line:
            raise Failure(f"the server at {host} ended with {process.wait()}: {line}")
        time.sleep(0.3)  # what stood at its port before is forgotten
        return process

    def ask(self, host, server, protocol, family, settings, patience=6, port=PORT, name=None, uid=65534):
        """What the client says, and whether its text was on the wire."""
        text = f"{host}-{settings}-{protocol}-{family}-{time.monotonic_ns()}"
        words, environment = self.words(host, "ask", protocol, server, family, settings, port, text, str(patience), *([name] if name else []))
        watch = capture.Capture(self.stage.host(host), "wan", name=text)
        process = self.stage.host(host).start(words, stdout=subprocess.PIPE, text=True, env={**environment, "TALK_AS": str(uid)})
        said = process.communicate(timeout=patience * 3 + 20)[0]
        path = watch.stop()
        try:
            answer = json.loads(said.splitlines()[-1])
        except (IndexError, ValueError):
            raise Failure(f"the client at {host} ended strangely: {said}")
        shown = any(text.encode() in data or text.upper().encode() in data for _, _, data in capture.packets(path))
        return {**answer, "shown": shown, "clear": capture.clear_packets(path), "esp": capture.sealed(path)}

    def socket_filters(self, host):
        listed = json.loads(self.stage.members[host].command("filter", "--json", check=True).stdout)
        return sum(row["name"].startswith("socket ") for row in listed)


def cell(talk, protocol, family, client, server, wanted, patience=6, host="alice"):
    """wanted: None, "clear", or the flags that both ends have to see."""
    process = talk.serve("bob", protocol, family, server)
    try:
        got = talk.ask(host, "bob", protocol, family, client, patience)
    finally:
        process.kill()
        process.wait()
    what = f"{client} to {server} by {protocol} over {family}"
    if wanted is None and got["answered"]:
        raise Failure(f"{what}: an answer came, though none may: {got}")
    if wanted is None and "insecure" not in (client, server) and client != "plain" and got["clear"]:
        raise Failure(f"{what}: in the clear were {got['clear']}")
    if wanted is not None and not got["answered"]:
        raise Failure(f"{what}: no answer: {got}")
    if isinstance(wanted, int) and (got["flags"] & wanted != wanted or not got["sas"]):
        raise Failure(f"{what}: the query says {got}")
    if isinstance(wanted, int) and "insecure" not in (client, server) and (got["clear"] or not got["esp"]):
        raise Failure(f"{what}: in the clear were {got['clear']}, with {got['esp']} of ESP")
    if isinstance(wanted, int) and wanted & ENCRYPTED and got["shown"] and client != "insecure":
        raise Failure(f"{what}: the text is on the wire")
    if wanted == "clear" and not got["shown"]:
        raise Failure(f"{what}: the text should be in the clear")
    return got


def first(lab):
    """One call at each end: TCP over both families, secured, and nothing in the clear."""
    talk = Talk(lab)
    seconds = []
    for family in FAMILIES:
        seconds.append(cell(talk, "tcp", family, "0", "0", SECURED | ENCRYPTED, 12)["seconds"])
        cell(talk, "tcp", family, "plain", "0", None, 3, host="plain")
        cell(talk, "tcp", family, "0", "plain", None, 3)
    return f"connected in ESP alone after {seconds} s; a plain host neither reaches nor is reached"


def authenticated(lab):
    """Authentication alone proposed first: secured and not encrypted, but for whoever asks for encryption."""
    talk = Talk(lab, change=lambda _, text: re.sub(r"(?m)^esp .*$", 'esp = ["null-sha256", "aes128gcm16"]', text))
    for family in FAMILIES:
        got = cell(talk, "tcp", family, "0", "0", SECURED, 12)
        if got["flags"] & ENCRYPTED or not got["shown"]:
            raise Failure(f"over {family}: {got}")
        cell(talk, "tcp", family, "encrypt", "0", SECURED | ENCRYPTED, 12)
        cell(talk, "tcp", family, "0", "encrypt", SECURED | ENCRYPTED, 12)
    return "the query says secured alone; who has to be encrypted is"


def matrix(protocol):
    def run(lab):
        """Client's settings by server's."""
        talk = Talk(lab)
        both = SECURED | ENCRYPTED
        wanted = {("plain", "plain"): "clear", ("plain", "0"): None, ("plain", "encrypt"): None, ("plain", "insecure"): "clear",
                  ("0", "plain"): None, ("0", "0"): SECURED, ("0", "encrypt"): both, ("0", "insecure"): SECURED,
                  ("encrypt", "plain"): None, ("encrypt", "0"): both, ("encrypt", "encrypt"): both, ("encrypt", "insecure"): both,
                  ("insecure", "plain"): "clear", ("insecure", "0"): SECURED, ("insecure", "encrypt"): both, ("insecure", "insecure"): "any"}
        for (client, server), want in wanted.items():
            if want is None:
                at_once(lambda family: cell(talk, protocol, family, client, server, want, 4), zip(FAMILIES))
            else:
                for family in FAMILIES:
                    cell(talk, protocol, family, client, server, want, 12)
        return f"{2 * len(wanted)} cells by {protocol}"
    return run


def wrong_credentials(lab):
    """Two secrets: nothing is sent, nothing connects. The peer's daemon stopped: the same."""
    talk = Talk(lab, files=lambda name: {"sockets.psk": f"a secret of {name}\n"})
    at_once(lambda protocol, family: cell(talk, protocol, family, "0", "0", None, 4), itertools.product(PROTOCOLS, FAMILIES))
    process = talk.serve("bob", "tcp", "v4", "plain")
    talk.stage.members["bob"].stop()
    got = talk.ask("alice", "bob", "tcp", "v4", "0", 4)
    process.kill()
    if got["answered"] or got["clear"]:
        raise Failure(f"with the peer's daemon stopped: {got}")
    return "no answer and no clear octet with different secrets, nor with the peer's daemon stopped"


def certificates(**changes):
    def files(authority, name):
        certificate, key = authority.leaf(f"{name}.example", "ecdsa")
        return {"sockets.pem": certificate, "sockets.key": key, "ca.pem": authority.certificate, **changes.get("more", {})}
    return files


AUTH = '{ method = "cert", certificate = "sockets.pem", key = "sockets.key", ca = "ca.pem" }'


def with_certificates(lab, more="", head="", files=None):
    authority = Authority(lab.folder / "pki", "ecdsa")
    talk = Talk(lab, files=lambda name: certificates(more=files or {})(authority, name),
                change=lambda name, text: head + text.replace('{ method = "psk", secret = "sockets.psk" }', AUTH) + (more(name) if callable(more) else more))
    talk.authority = authority
    return talk


def identities(lab):
    """Certificates: both ends learn who is there; a wrong name gets not one octet."""
    talk = with_certificates(lab)
    for family in FAMILIES:
        server = talk.serve("bob", "tcp", family, "encrypt")
        got = talk.ask("alice", "bob", "tcp", family, "encrypt", 12)
        if not got["answered"] or "bob.example" not in got["principal"]:
            raise Failure(f"the client learns {got}")
        told = json.loads(server.stdout.readline())
        if "alice.example" not in told["principal"]:
            raise Failure(f"the server learns {told}")
        good = talk.ask("alice", "bob", "tcp", family, "0", 12, name=got["principal"])
        if not good["answered"]:
            raise Failure(f"the right name: {good}")
        for wrong in ("host/mallory.example", "O=Example, CN=mallory.example"):
            bad = talk.ask("alice", "bob", "tcp", family, "0", 4, name=wrong)
            if bad["answered"] or bad["clear"]:
                raise Failure(f"the name {wrong}: {bad}")
        server.kill()
        server.wait()
    return "both ends see the other's name; with a wrong name nothing is answered"


def two_peers(lab):
    """A UDP socket with a name for each of two peers; one name is wrong, deleted and set anew; each peer is queried."""
    talk = with_certificates(lab)
    files = certificates()(talk.authority, "carol")
    talk.stage.member("plain", "secure-sockets.toml", files, lambda text: 'policy_store = "none"\n' + text.replace(
        '{ method = "psk", secret = "sockets.psk" }', AUTH)).folder.chmod(0o711)
    for family in FAMILIES:
        servers = [talk.serve(host, "udp", family, "0") for host in ("bob", "plain")]
        _, environment = talk.words("alice", "ask", "udp", "bob", family, "0")
        words = ["/usr/bin/python3", HERE / "peers.py", *(talk.stage.wire.address(host, family) for host in ("bob", "plain")), PORT,
                 "host/bob.example", "host/carol.example"]
        watch = capture.Capture(talk.stage.host("alice"), "wan", name=f"two-peers-{family}")
        said = talk.stage.host("alice").start(words, stdout=subprocess.PIPE, text=True, env=environment).communicate(timeout=90)[0]
        clear = capture.clear_packets(watch.stop())
        got = json.loads(said.splitlines()[-1])
        who = {key: got.pop(key) for key in ("first", "second", "first again")}
        if clear or got != {"set": 0, "named": [0, 0], "right": True, "wrong": False, "deleted": [0, "EINVAL"], "renamed": 0,
                            "second answers": True, "first answers": True, "first deleted": 0, "without a name": True}:
            raise Failure(f"over {family}: {got}; in the clear {clear}; {who}")
        for key, expected in (("first", "bob"), ("second", "carol"), ("first again", "bob")):
            if who[key]["flags"] & 3 != 3 or f"{expected}.example" not in who[key]["principal"]:
                raise Failure(f"over {family}: {key} is {who[key]}")
        for server in servers:
            server.kill()
            server.wait()
    return "each peer has its own name and its own identity; a wrong name shuts one out and not the other"


def impersonation(lab):
    """A server reads what the caller's account may read, in one thread and until it reverts; nobody is root."""
    authority = Authority(lab.folder / "pki", "ecdsa")
    files = {}
    open_way_to(lab.folder)
    for account in ("daemon", "bin"):
        path = lab.folder / f"of-{account}"
        path.write_text(f"of {account}\n")
        path.chmod(0o600)
        shutil.chown(path, account, account)
        files[account] = path
    for account, allowed in (("daemon", True), ("root", False), ("no-such-account", False)):
        with Lab() as inner:
            talk = Talk(inner, files=lambda name: {**certificates()(authority, name), "accounts": f"{account}  O=Example, CN=alice.example\n"},
                        change=lambda _, text: text.replace('{ method = "psk", secret = "sockets.psk" }', AUTH) + 'account_map = "accounts"\n')
            _, environment = talk.words("bob", "serve", "tcp", "bob", "v4", "0")
            server = talk.stage.host("bob").start(["/usr/bin/python3", HERE / "impersonator.py", talk.stage.wire.address("bob", "v4"), PORT,
                                                   files["daemon"], files["bin"]], stdout=subprocess.PIPE, text=True, env=environment)
            server.stdout.readline()
            time.sleep(0.3)
            got = talk.ask("alice", "bob", "tcp", "v4", "0", 12)
            told = json.loads(server.stdout.readline())
            server.kill()
            server.wait()
            everything, own = [True, True], [True, False]
            word, inside = ("ok", own) if allowed else ("EACCES", everything)
            wanted = {"first": word, "during": inside, "elsewhere": everything, "second": word, "nested": inside, "undone": "ok", "between": inside,
                      "undone again": "ok", "after": everything, "uid": 0}
            if not got["answered"] or told != wanted:
                raise Failure(f"{got['principal'] if 'principal' in got else got} as {account}: {told}")
    return "the thread alone has the caller's rights, nested and until it reverts; root and strangers are refused"


def identify_only(lab):
    """By a certificate and by a secret, which names nobody."""
    more = 'identify_only = ["daemon", "nobody"]\n'
    with Lab() as inner:
        by_secret = evidence.identify(Talk(inner, change=lambda _, text: text + more), "psk", "")
    return f"{evidence.identify(with_certificates(lab, more), 'certificate', 'O=Example, CN=alice.example')}; {by_secret}"


def nothing_left(lab):
    """Sockets of programs that end, and that are killed, leave no filter behind."""
    talk = Talk(lab, change=lambda name, text: text + 'keep_warm = "0s"\n')
    server = talk.serve("bob", "tcp", "v4", "0")
    if not talk.ask("alice", "bob", "tcp", "v4", "0", 12)["answered"]:
        raise Failure("no answer")
    if talk.socket_filters("bob") == 0:
        raise Failure("the listener has no filters")
    wait_until(lambda: talk.socket_filters("alice") == 0, 5, "the client's filters to go")
    server.kill()
    server.wait()
    wait_until(lambda: talk.socket_filters("bob") == 0, 5, "the killed listener's filters to go")
    return "no filter is left at either end"


def within_host(lab):
    files = {"sockets.psk": "a secret of all sockets\n", "accounts": "bin uid:1\ndaemon uid:0\n"}
    return evidence.within_host(Talk(lab, change=lambda _, text: text + 'account_map = "accounts"\n', files=lambda _: files))


def errors(lab):
    """Each refusal by its errno and by its code."""
    talk = Talk(lab)
    _, environment = talk.words("alice", "ask", "tcp", "bob", "v4", "0")
    done = talk.stage.host("alice").start(["/usr/bin/python3", HERE / "errors.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    said = done.communicate(timeout=60)[0].strip()
    if said != "good":
        raise Failure(said)
    return "every refusal has its code"


CASES = {"errors": errors, "first": first, "matrix-tcp": matrix("tcp"), "matrix-udp": matrix("udp"), "wrong-credentials": wrong_credentials,
         "identities": identities, "two-peers": two_peers, "authenticated": authenticated, "impersonation": impersonation, "nothing-left": nothing_left,
         **{name: (lambda lab, case=case: case(Talk(lab)))
            for name, case in (("descriptors", evidence.descriptors), ("closed-ports", evidence.closed_ports), ("killed", evidence.killed),
                               ("daemon-killed", evidence.daemon_killed), ("restarted", evidence.restarted), ("switched-off", evidence.switched_off), ("race", evidence.race), ("ways-round", evidence.ways_round))},
         "users-known": lambda lab: people.identities(lab, with_certificates),
         "users-impersonated": lambda lab: people.impersonation(lab, with_certificates),
         "identify-only": identify_only, "callers": lambda lab: callers.callers(lab, Talk), "broker": lambda lab: callers.broker(lab, with_certificates),
         "reasons": lambda lab: reasons_told.told(lab, Talk),
         "advanced": lambda lab: evidence.advanced(with_certificates(lab, 'identify_only = "*"\n')),
         **{f"run-{name}": (lambda lab, case=case: case(Talk(lab))) for name, case in {**programs.CASES, **starts.CASES}.items()},
         "run-peer": lambda lab: programs.named_peer(with_certificates(lab)),
         "within-host": within_host, "certificate-swapped": lambda lab: evidence.certificate_swapped(with_certificates(lab)), "examples": lambda lab: evidence.examples(with_certificates(lab))}


sys.exit(cases.run(CASES, __doc__))
