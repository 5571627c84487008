"""Connections of a configuration file as objects of the filter engine: listed, asked, outweighed, kept over a reload."""
import json
import os
import subprocess
import sys
import time

from . import capture
from .closed import Closed
from .closed import Failure as Opened
from .isolation import SPEAKER, Failure
from .isolation import play as play_one
from .space import wait_until
from .traffic import BUILD

NEAR, FAR, PORT = "10.1.0.1", "10.2.0.1", 7007
TCP = 6
LAYERS = ("IKEEXT_V4", "IPSEC_V4", "OUTBOUND_TRANSPORT_V4", "INBOUND_TRANSPORT_V4")


class Program:
    """tests/netns/arbitrate.c beside one of the daemons."""

    def __init__(self, host, daemon, action, weight, field):
        words = [BUILD / "tests" / "netns" / "arbitrate", action, weight, field, PORT]
        self.process = host.start(words, stdout=subprocess.PIPE, text=True, env={**os.environ, "SALLYPORT_SOCKET": str(daemon.socket)})
        self.said = []
        while (line := self.process.stdout.readline().strip()) != "there":
            if not line:
                raise Failure(f"the program ended with {self.process.wait()} after {self.said}")
            self.said.append(line)

    def kill(self):
        self.process.kill()
        self.process.wait()


def listed(daemon, what, provider="configuration"):
    """{key: row} of the configuration's objects."""
    rows = json.loads(daemon.command(what, "--json", check=True).stdout)
    return {row["key"]: row for row in rows if row.get("provider") == provider}


def explained(daemon):
    return json.loads(daemon.command("explain", NEAR, FAR, "tcp", PORT, "--json", check=True).stdout)


def decider(told, layer):
    return next(row for row in told["layers"] if row["layer"] == layer)


def asks(closed, text, patience):
    """Whether a word over TCP is answered from behind the other host."""
    done = closed.plan.east.run([sys.executable, "-c", SPEAKER, "ask", "tcp", FAR, PORT, text, patience], check=False, timeout=60)
    return done.stdout.split()[0] == "1"


def clear_tcp(closed, since):
    """Clear frames of the service on the wire since that moment, and whether anything else was clear."""
    service = other = 0
    time.sleep(0.3)
    for one in closed.captures:
        for seconds, link, data in capture.packets(one.path):
            ethertype, packet = capture.network_layer(link, data)
            if seconds < since or "-wan" not in one.path.name or not capture.classify(ethertype, packet).startswith("clear"):
                continue
            _, _, protocol, payload = capture.dissect(ethertype, packet) or (None, None, 0, b"")
            ports = {int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")} if protocol == TCP else set()
            service += PORT in ports
            other += PORT not in ports
    return service, other


def expect(closed, when, works, service_clear, action, filter_name):
    since = time.time()
    told = explained(closed.east)
    by = decider(told, "OUTBOUND_TRANSPORT_V4")
    if told["action"] != action or by["name"] != filter_name:
        raise Failure(f"{when} explain tells {told}")
    if asks(closed, f"asked {when}", 8 if works else 2) != works:
        raise Failure(f"{when} TCP {'does not work' if works else 'works'}; {closed.counters()}")
    if not closed.ping():
        raise Failure(f"{when} the rest of the connection's traffic does not pass")
    service, other = clear_tcp(closed, since)
    if other or (service > 0) != service_clear:
        raise Failure(f"{when} {service} clear packets of the service and {other} others were on the wire")


def connection_filters(lab):
    """A connection is filters like others: programs list them, outweigh them and cannot take them away."""
    closed = Closed(lab, "v4", "net")
    closed.start_both()
    closed.require_protected("at first")
    server = closed.plan.west.start([sys.executable, "-c", SPEAKER, "serve", "tcp", FAR, PORT], stdout=subprocess.PIPE, text=True)
    server.stdout.readline()
    name = closed.connection.name
    filters, contexts = listed(closed.east, "filter"), listed(closed.east, "context")
    if {row["name"] for row in filters.values()} != {name, f"{name}.net"} or {row["name"] for row in contexts.values()} != {name, f"{name}.net"}:
        raise Failure(f"the connection's objects are {filters} and {contexts}")
    told = explained(closed.east)
    if told["action"] != "PROTECT" or int(told["spi_out"], 16) == 0 or told["child"] != "net":
        raise Failure(f"explain tells {told}")
    for layer in LAYERS:
        if decider(told, layer)["filter"] not in {row["number"] for row in filters.values() if row["layer"] == layer}:
            raise Failure(f"explain names no filter of the connection at {layer}: {told}")
    expect(closed, "with the connection alone", True, False, "PROTECT", f"{name}.net")

    # Programs on both hosts, since each has a connection that would refuse the other's clear packets.
    lighter = Program(closed.plan.east, closed.east, "block", 7, "remote")
    wanted = {f"filter {name} stays", f"filter {name}.net stays", f"context {name} stays", f"context {name}.net stays"}
    if set(lighter.said) != wanted:
        raise Failure(f"through the C interface the objects are {lighter.said}")
    expect(closed, "under a lighter filter", True, False, "PROTECT", f"{name}.net")
    lighter.kill()
    blocker = Program(closed.plan.east, closed.east, "block", 8, "remote")
    expect(closed, "under a filter that blocks", False, False, "DISCARD", "arbitrate")
    blocker.kill()
    opened = [Program(closed.plan.east, closed.east, "permit", 8, "remote"), Program(closed.plan.west, closed.west, "permit", 8, "local")]
    wait_until(lambda: asks(closed, "first words", 2), 15, "the packet filter to follow the engine")
    expect(closed, "under a filter that permits", True, True, "BYPASS", "arbitrate")
    for program in opened:
        program.kill()
    wait_until(lambda: explained(closed.east)["action"] == "PROTECT", 5, "the filters to go with their program")
    time.sleep(0.5)
    expect(closed, "after the programs", True, False, "PROTECT", f"{name}.net")

    # Over a reload SAs and objects of what did not change stay, and those of another connection come and go.
    text = closed.east.file.read_text()
    spis = explained(closed.east)["spi_out"]
    another = text[text.index("\n[connection."):]
    for old, new in ((f"connection.{name}", "connection.another"), ("10.2.0.0/24", "10.77.0.0/24"), ("fd02::/64", "fd77::/64"),
                     ('start = "up"', 'start = "none"'), ("keep_up = true\n", "")):
        another = another.replace(old, new)
    closed.east.file.write_text(text + another)
    closed.east.command("reload", check=True)
    more = listed(closed.east, "filter")
    if {row["name"] for row in more.values()} != {name, f"{name}.net", "another", "another.net"}:
        raise Failure(f"after a reload with another connection the filters are {more}")
    if any(more[key]["number"] != row["number"] for key, row in filters.items()) or explained(closed.east)["spi_out"] != spis:
        raise Failure("a reload with another connection has changed the objects or the SA of the first one")
    closed.east.file.write_text(text)
    closed.east.command("reload", check=True)
    if listed(closed.east, "filter").keys() != filters.keys() or listed(closed.east, "context").keys() != contexts.keys():
        raise Failure("objects of a connection that is gone are still there")
    expect(closed, "after the reloads", True, False, "PROTECT", f"{name}.net")
    return "listed, explained, outweighed by a block and a permit of programs, and kept over reloads"


SCENARIOS = {"connection-filters": connection_filters}
NAMES = tuple(SCENARIOS)


def play(name, keep=False):
    try:
        return play_one(name, keep, SCENARIOS)
    except Opened as problem:
        return False, str(problem)
