#!/usr/bin/python3
"""Secured sockets that share a warm SA, and those that must not; a thousand of them, and what is left behind. Exit 77 means skipped, with the reason."""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "netns"))
sys.path.insert(0, str(HERE.parents[1] / "bench"))
import cases
import cpu
from crowds import Crowds
from lab.isolation import FAMILIES, Failure
from lab.space import end_process, wait_until

NOBODY, SOMEBODY = 65534, 1
ENCRYPTED = 1


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


def last_word(lab):
    """The peer's end of a connection closes also where our answer to its last segment was lost, after we had forgotten the rest."""
    crowds = Crowds(lab, "30s")
    alice, bob = (crowds.stage.host(name) for name in ("alice", "bob"))

    def closing():
        return alice.run(["ss", "-Htan", "state", "time-wait"]).stdout.split(), bob.run(["ss", "-Htan", "state", "last-ack"]).stdout.split()
    for family in FAMILIES:
        server = crowds.start("bob", "serve", NOBODY, family)
        user = crowds.start("alice", "ask", NOBODY, family)
        crowds.order(user, "open 1", 1)
        crowds.order(user, "talk", 1)
        alice.nft("add table inet loss")
        alice.nft("add chain inet loss out { type filter hook output priority 300 ; }")
        alice.nft('add rule inet loss out oifname "wan" meta l4proto { esp, udp } quota over 160 bytes drop')  # all but the FIN
        crowds.order(user, "close", 1)
        time.sleep(1.2)  # in which the socket's place has been looked for in vain
        ours, theirs = closing()
        if not ours or not theirs:
            raise Failure(f"{family}: nothing was lost: we have {ours}, the peer {theirs}")
        alice.nft("delete table inet loss")
        wait_until(lambda: not closing()[1], 4, f"{family}: the peer's end to close")
        for process in (user, server):
            end_process(process)
        wait_until(lambda: crowds.left("bob")["filters"] == 0, 5, "the listener's filters to go")
    return "the last ACK, lost twice, came with the FIN that was sent again"


def many(lab):
    """A thousand sockets cost no more each than 250, and leave nothing behind."""
    crowds = Crowds(lab, "6s")  # in which a busy server closes its ends
    server = crowds.start("bob", "serve", NOBODY)
    user = crowds.start("alice", "ask", NOBODY)
    for verb in ("open 8", "talk", "close"):
        crowds.order(user, verb, 8)
    wait_until(lambda: crowds.left("alice") == {"filters": 0, "ike_sas": 0, "child_sas": 0}, 20, "the first ones to go")
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
        wait_until(lambda: crowds.left("alice") == {"filters": 0, "ike_sas": 0, "child_sas": 0}, 20, "filters and SAs to go")
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


CASES = {"shared": shared, "users": users, "last-word": last_word, "many": many}


sys.exit(cases.run(CASES, __doc__))
