"""Secured sockets over a warm SA, beside plain TCP and TLS 1.3 between the same two hosts; what one costs the daemon; and
what one carries, beside a tunnel."""
import json
import os
import re
import sys
import time

import frame
from lab import space
from lab.space import Lab, end_process, wait_until

sys.path.insert(0, str(frame.ROOT / "tests" / "sockets"))
NOBODY, PLAIN = 65534, -1
PLAIN_PORT, TLS_PORT, BULK_PORT, FORWARDED_PORT, FORWARDER_PORT = 27016, 27017, 27018, 27019, 4789
INSIDE = {"alice": "10.99.0.1", "bob": "10.99.0.2"}
COUNT = 300
SECONDS = 4


def _tls(crowds, folder):
    """A TLS 1.3 server on bob."""
    host = crowds.stage.host("bob")
    host.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=bob",
              "-keyout", folder / "tls.key", "-out", folder / "tls.pem"], check=True)
    return host.start(["openssl", "s_server", "-accept", TLS_PORT, "-key", folder / "tls.key", "-cert", folder / "tls.pem", "-tls1_3", "-quiet"],
                      log="s_server.log")


def _tls_rate(crowds):
    """New connections a second."""
    address = crowds.stage.wire.address("bob", "v4")
    done = crowds.stage.host("alice").run(["openssl", "s_time", "-connect", f"{address}:{TLS_PORT}", "-new", "-time", 2, "-tls1_3"], check=False)
    found = re.search(r"(\d+) connections in (\d+) real seconds", done.stdout)
    if not found:
        raise frame.Unmeasurable(f"openssl s_time: {done.stdout} {done.stderr}")
    return int(found.group(1)) / int(found.group(2))


def _memory(crowds, user):
    """Octets that the client's daemon holds more for each of many sockets."""
    crowds.order(user, "open 100", 100)
    before = crowds.memory("alice")
    crowds.order(user, "open 800", 800)
    octets = (crowds.memory("alice") - before) / 800
    crowds.order(user, "close", 900)
    return octets


def _forwarders(stage):
    """A tunnel without cryptography between the two hosts, packet by packet: what two processes in between cost alone."""
    for name, other in (("alice", "bob"), ("bob", "alice")):
        host = stage.host(name)
        host.start([frame.tool("forwarder"), "plain", "fwd0", *(stage.wire.address(end, "v4") for end in (name, other)), FORWARDER_PORT],
                   log="forwarder.log")
        wait_until(lambda: host.run(["ip", "link", "show", "fwd0"], check=False).returncode == 0, 5, "the forwarder's device")
        host.ip(f"address add {INSIDE[name]}/24 dev fwd0")
        host.ip("link set fwd0 up mtu 1400")


def sockets(setting):
    from crowds import Crowds
    if why := space.available():
        raise frame.Unmeasurable(why)
    space.sweep()
    securing, cold, warm, plain, forwarded, ours_rate, plain_rate, tls_rate = [], [], [], [], [], [], [], []
    with Lab(setting.keep) as lab:
        crowds = Crowds(lab, "60s")
        _forwarders(crowds.stage)
        servers = [crowds.start("bob", "serve", NOBODY), crowds.start("bob", "serve", NOBODY, "v4", PLAIN, port=PLAIN_PORT),
                   crowds.start("bob", "serve", NOBODY, "v4", PLAIN, port=FORWARDED_PORT, address=INSIDE["bob"]),
                   _tls(crowds, lab.folder)]
        user = crowds.start("alice", "ask", NOBODY)
        ordinary = crowds.start("alice", "ask", NOBODY, "v4", PLAIN, port=PLAIN_PORT)
        beyond = crowds.start("alice", "ask", NOBODY, "v4", PLAIN, port=FORWARDED_PORT, address=INSIDE["bob"])
        crowds.order(user, "rounds 20", 20)
        crowds.order(ordinary, "rounds 20", 20)
        crowds.order(beyond, "rounds 20", 20)
        for number in range(setting.rounds):
            said, other = crowds.order(user, f"rounds {COUNT}", COUNT), crowds.order(ordinary, f"rounds {COUNT}", COUNT)
            securing.append(said["securing"] / COUNT * 1e6)
            warm.append(said["connecting"] / COUNT * 1e6)
            plain.append(other["connecting"] / COUNT * 1e6)
            forwarded.append(crowds.order(beyond, f"rounds {COUNT}", COUNT)["connecting"] / COUNT * 1e6)
            ours_rate.append(COUNT / said["seconds"])
            plain_rate.append(COUNT / other["seconds"])
            tls_rate.append(_tls_rate(crowds))
            stranger = crowds.start("alice", "ask", 2000 + number)  # whom no SA is warm for
            cold.append(crowds.order(stranger, "rounds 1", 1)["connecting"] * 1e6)
            end_process(stranger)
            setting.say(f"sockets {number + 1}/{setting.rounds}: warm {warm[-1]:.0f} µs, plain {plain[-1]:.0f}, forwarded {forwarded[-1]:.0f}, cold {cold[-1]:.0f}")
        octets = _memory(crowds, user)
        for process in (user, ordinary, beyond, *servers):
            end_process(process)
    return [frame.compared("connect of a secured socket, warm SA", "µs", warm, "plain TCP", plain, "<= 2"),
            frame.compared("connect of a secured socket, warm SA", "µs", warm, "TCP through the forwarder, packet by packet", forwarded),
            frame.compared("connect of a secured socket, warm SA", "µs", warm, "with a negotiation", cold),
            frame.compared("connections through one warm SA", "connections/s", ours_rate, "TLS 1.3 (s_time)", tls_rate, ">= 1"),
            frame.compared("connections through one warm SA", "connections/s", ours_rate, "plain TCP", plain_rate),
            frame.Row("the call that secures a socket", "µs", sorted(securing)[len(securing) // 2]),
            frame.Row("daemon's memory for a secured socket", "octets", octets, "4 KiB", 4096, goal="<= 1", note="of 800 more, at the client")]


def _iperf3(stage, around=lambda host: [], environment=lambda host: os.environ):
    """Gbit/s of one flow from alice to bob. around: words before the programs' own."""
    address = stage.wire.address("bob", "v4")
    words = ["iperf3", "-p", str(BULK_PORT)]
    server = stage.host("bob").start([*around("bob"), *words, "-s", "-1", "-B", address], env=environment("bob"))
    time.sleep(1)  # its port becomes known
    done = stage.host("alice").run([*around("alice"), *words, "-J", "-t", SECONDS, "-c", address], env=environment("alice"),
                                   timeout=SECONDS + 30, check=False)
    end_process(server)
    said = json.loads(done.stdout)
    if "error" in said:
        raise frame.Unmeasurable(f"iperf3: {said['error']}")
    return said["end"]["sum_received"]["bits_per_second"] / 1e9


def _over_sockets(crowds):
    """Both of its programs under `sallyport run`, and nobody's."""
    def environment(host):
        return {**os.environ, "SALLYPORT_SOCKETS": str(crowds.stage.host(host).folder / "sallyport" / "sockets.sock"),
                "SALLYPORT_SOCKET": str(crowds.stage.members[host].socket)}
    return _iperf3(crowds.stage, lambda host: ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", frame.tool("sallyport"),
                                               "run", "--"], environment)


def _tunnel(lab):
    """Hosts on a wire of the same kind, with a tunnel between their addresses."""
    from lab.isolation import Stage
    stage = Stage(lab, ("alice", "bob"))

    def change(name):
        exchanged = {"192.0.2.1": "192.0.2.2", "192.0.2.2": "192.0.2.1", "app.example": "db.example", "db.example": "app.example"}

        def to(text):
            text = text.replace("[tcp/5432]", "")
            return text if name == "alice" else re.sub("|".join(map(re.escape, exchanged)), lambda found: exchanged[found[0]], text)
        return to
    for name in ("alice", "bob"):
        # One file has one [daemon] table, which the lab writes.
        stage.member(name, "host-to-host.toml", {"db.psk": "a secret of these two hosts\n"},
                     lambda text: change(name)(re.sub(r"\[daemon\][^\[]*", "", text)))
    return stage


def bulk(setting):
    from crowds import Crowds
    if why := space.available():
        raise frame.Unmeasurable(why)
    space.sweep()
    sockets_speed, tunnel_speed = [], []
    with Lab(setting.keep) as one, Lab(setting.keep) as other:
        crowds, stage = Crowds(one, "60s"), _tunnel(other)
        for number in range(setting.rounds):
            sockets_speed.append(_over_sockets(crowds))
            tunnel_speed.append(_iperf3(stage))
            setting.say(f"sockets-tcp {number + 1}/{setting.rounds}: socket {sockets_speed[-1]:.3g}, tunnel {tunnel_speed[-1]:.3g}")
    return [frame.compared("TCP over a secured socket", "Gbit/s", sockets_speed, "tunnel on such a wire", tunnel_speed, ">= 0.9")]


MEASUREMENTS = [frame.Measurement("sockets", sockets, targets=("sallyportd", "sallyport", "libsallyport", "forwarder")),
                frame.Measurement("sockets-tcp", bulk, targets=("sallyportd", "sallyport", "libsallyport"))]
