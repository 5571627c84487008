#!/usr/bin/python3
"""Secured sockets that share a warm SA, and those that must not; a thousand of them, and what is left behind.

Usage: shared.py [--list] [--case NAME]… [--keep]. Exit 77 means skipped, with the reason.
"""
import json
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "netns"))
sys.path.insert(0, str(HERE.parents[1] / "bench"))
import cpu
from lab import capture, sallyport, space
from lab.isolation import FAMILIES, Failure, Stage
from lab.space import Lab, end_process, wait_until
from lab.traffic import BUILD

PORT = 27015
NOBODY, SOMEBODY = 65534, 1
ENCRYPTED = 1


class Crowds:
    """Two secured hosts, a listener on bob, and programs of several users on alice."""

    def __init__(self, lab, keep_warm):
        self.stage = Stage(lab, ("alice", "bob"))
        for name in ("alice", "bob"):
            member = self.stage.member(name, "secure-sockets.toml", {"sockets.psk": "a secret of all sockets\n"},
                                       lambda text: f'policy_store = "none"\n{text}\nkeep_warm = "{keep_warm}"\n')
            for folder in [member.folder, *member.folder.parents]:
                if folder != pathlib.Path("/"):
                    folder.chmod(folder.stat().st_mode | 0o011)

    def start(self, host, verb, uid, family="v4", flags=0, *more):
        environment = {**os.environ, "SALLYPORT_LIBRARY": str(BUILD / "src" / "api" / "libsallyport.so"),
                       "SALLYPORT_SOCKETS": str(self.stage.host(host).folder / "sallyport" / "sockets.sock")}
        words = ["/usr/bin/python3", HERE / "crowd.py", verb, uid, self.stage.wire.address("bob", family), PORT, flags, *more]
        process = self.stage.host(host).start(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        if verb == "serve":
            if "bound" not in process.stdout.readline():
                raise Failure("the server has not come up")
            time.sleep(0.3)  # its port becomes known
        return process

    def order(self, process, text, wanted):
        process.stdin.write(text + "\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline())
        if said["good"] != wanted:
            raise Failure(f"{text}: {said}, and not {wanted}")
        return said["seconds"]

    def watched(self, name, work):
        """What passed alice's wire meanwhile: SPIs of ESP, and how many messages of IKE."""
        watch = capture.Capture(self.stage.host("alice"), "wan", name=name)
        work()
        path = watch.stop()
        if clear := capture.clear_packets(path):
            raise Failure(f"{name}: in the clear were {clear}")
        return {packet[:4] for _, _, packet in capture.esp_packets(path)}, capture.census(path)["ike"]

    def left(self, host):
        member = self.stage.members[host]
        filters = json.loads(member.command("filter", "--json", check=True).stdout)
        sas = member.status()
        return {"filters": sum(row["name"].startswith("socket ") for row in filters), "ike_sas": len(sas.get("ike_sas", [])),
                "child_sas": sum(len(sa.get("children", [])) for sa in sas.get("ike_sas", []))}

    def daemon(self, host):
        return self.stage.members[host].process.pid

    def descriptors(self, host):
        return {pid: len(os.listdir(f"/proc/{pid}/fd")) for pid in cpu.session(self.daemon(host))}

    def memory(self, host):
        total = 0
        for pid in cpu.session(self.daemon(host)):
            rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
            total += int(rows["RssAnon"].split()[0]) * 1024
        return total


def shared(lab):
    """The second connection of a user has the SA of the first, without a message of IKE, also when the first is gone."""
    crowds = Crowds(lab, "30s")
    for family in FAMILIES:
        server = crowds.start("bob", "serve", NOBODY, family)
        user = crowds.start("alice", "ask", NOBODY, family)

        def one():
            crowds.order(user, "open 1", 1)
            crowds.order(user, "talk", 1)
        first, cold = crowds.watched(f"first-{family}", one)
        if not cold or len(first) != 2:
            raise Failure(f"the first connection had {cold} messages of IKE and the SPIs {first}")

        def another():
            crowds.order(user, "open 1", 1)
            crowds.order(user, "talk", 2)
            crowds.order(user, "close", 2)
        beside = crowds.watched(f"beside-{family}", another)
        if beside != (first, 0):
            raise Failure(f"beside it: {beside}, and not {first}")

        def later():
            time.sleep(1.5)  # the kernel has been looked at meanwhile
            one()
        warm = crowds.watched(f"warm-{family}", later)
        if warm != (first, 0):
            raise Failure(f"when no socket was left: {warm}, and not {first}")
        crowds.order(user, "close", 1)
        for process in (user, server):
            end_process(process)
        wait_until(lambda: crowds.left("bob")["filters"] == 0, 5, "the listener's filters to go")
    return "one SA pair, warm when no socket uses it"


def users(lab):
    """Two users, and two wishes of one, have SAs of their own; none is used for another's connection, at neither end."""
    crowds = Crowds(lab, "30s")
    server = crowds.start("bob", "serve", NOBODY)
    kinds = {"nobody": (NOBODY, 0), "somebody": (SOMEBODY, 0), "encrypted": (NOBODY, ENCRYPTED)}
    programs = {name: crowds.start("alice", "ask", uid, "v4", flags) for name, (uid, flags) in kinds.items()}
    spis = {}
    for name, program in programs.items():
        def first(program=program):
            crowds.order(program, "open 2", 2)
            crowds.order(program, "talk", 2)
        spis[name], messages = crowds.watched(f"first-{name}", first)
        if not messages or len(spis[name]) != 2:
            raise Failure(f"{name}: {messages} messages of IKE and the SPIs {spis[name]}")
    if len(set.union(*spis.values())) != 6:
        raise Failure(f"SAs are shared: {spis}")
    for again in range(2):
        for name, program in programs.items():
            got = crowds.watched(f"again-{name}-{again}", lambda program=program: crowds.order(program, "talk", 2))
            if got != (spis[name], 0):
                raise Failure(f"{name} speaks by {got}, and not by {spis[name]}")
    server.kill()
    return "three pairs for two users and two wishes, each for its own connections alone"


def many(lab):
    """A thousand sockets cost no more each than 250, and leave nothing behind."""
    crowds = Crowds(lab, "1s")
    server = crowds.start("bob", "serve", NOBODY)
    user = crowds.start("alice", "ask", NOBODY)
    for verb in ("open 8", "talk", "close"):
        crowds.order(user, verb, 8)
    wait_until(lambda: crowds.left("alice") == {"filters": 0, "ike_sas": 0, "child_sas": 0}, 10, "the first ones to go")
    descriptors = {host: crowds.descriptors(host) for host in ("alice", "bob")}
    spent, memory = {}, {}
    for count in (250, 1000):
        before = cpu.read([crowds.daemon("alice"), crowds.daemon("bob")])
        crowds.order(user, f"open {count}", count)
        if (got := crowds.left("alice"))["child_sas"] != 1 or got["filters"] > 8:
            raise Failure(f"with {count} sockets: {got}")
        crowds.order(user, "talk", count)
        memory[count] = {host: crowds.memory(host) for host in ("alice", "bob")}
        crowds.order(user, "close", count)
        wait_until(lambda: crowds.left("alice") == {"filters": 0, "ike_sas": 0, "child_sas": 0}, 10, "filters and SAs to go")
        after = cpu.read([crowds.daemon("alice"), crowds.daemon("bob")])
        spent[count] = cpu.seconds(before, after) / count
    end_process(user)
    end_process(server)
    wait_until(lambda: crowds.left("bob") == {"filters": 0, "ike_sas": 0, "child_sas": 0}, 10, "the listener's filters and SAs to go")
    for host in ("alice", "bob"):
        wait_until(lambda: crowds.descriptors(host) == descriptors[host], 5, f"the descriptors of {host}'s daemon to be closed")
    if spent[1000] > 1.5 * spent[250]:
        raise Failure(f"a socket of 1000 costs {spent[1000] * 1e6:.0f} µs of CPU, one of 250 {spent[250] * 1e6:.0f}")
    each = {host: round((memory[1000][host] - memory[250][host]) / 750) for host in ("alice", "bob")}
    return (f"{spent[1000] * 1e6:.0f} µs of CPU at both ends for each of 1000 sockets, {spent[250] * 1e6:.0f} for each of 250; "
            f"{each['alice']} octets each at the client's daemon, {each['bob']} at the server's; nothing is left")


CASES = {"shared": shared, "users": users, "many": many}


def main(arguments):
    if "--list" in arguments:
        print("\n".join(CASES))
        return 0
    why_not = space.available() or sallyport.available() or (None if (BUILD / "src" / "api" / "libsallyport.so").exists() else "libsallyport is not built")
    if why_not:
        print(f"skipped: {why_not}")
        return 77
    space.sweep()
    failed = 0
    for name in [arguments[i + 1] for i, word in enumerate(arguments) if word == "--case"] or list(CASES):
        with Lab("--keep" in arguments) as lab:
            try:
                text, passed = CASES[name](lab), True
            except (Failure, RuntimeError, TimeoutError, subprocess.SubprocessError) as problem:
                logs = [f"--- {host.name}\n" + "\n".join((host.folder / "sallyportd.log").read_text().splitlines()[-25:])
                        for host in lab.hosts.values() if (host.folder / "sallyportd.log").exists()]
                text, passed = "\n".join([str(problem), *logs]), False
        print(f"{'ok  ' if passed else 'FAIL'} {name}: {text}", flush=True)
        failed += not passed
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
