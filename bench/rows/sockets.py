"""Secured sockets over a warm SA, beside plain TCP and TLS 1.3 between the same two hosts; what one costs the daemon; and
what one carries, beside a tunnel."""
import json
import os
import re
import sys
import time

import frame
from lab import space
from lab.space import Lab, end_process

sys.path.insert(0, str(frame.ROOT / "tests" / "sockets"))
NOBODY, PLAIN = 65534, -1
PLAIN_PORT, TLS_PORT, BULK_PORT = 27016, 27017, 27018
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


def sockets(setting):
    from crowds import Crowds
    if why := space.available():
        raise frame.Unmeasurable(why)
    space.sweep()
    securing, cold, warm, plain, ours_rate, plain_rate, tls_rate = [], [], [], [], [], [], []
    with Lab(setting.keep) as lab:
        crowds = Crowds(lab, "60s")
        servers = [crowds.start("bob", "serve", NOBODY), crowds.start("bob", "serve", NOBODY, "v4", PLAIN, port=PLAIN_PORT),
                   _tls(crowds, lab.folder)]
        user = crowds.start("alice", "ask", NOBODY)
        ordinary = crowds.start("alice", "ask", NOBODY, "v4", PLAIN, port=PLAIN_PORT)
        crowds.order(user, "rounds 20", 20)
        crowds.order(ordinary, "rounds 20", 20)
        for number in range(setting.rounds):
            said, other = crowds.order(user, f"rounds {COUNT}", COUNT), crowds.order(ordinary, f"rounds {COUNT}", COUNT)
            securing.append(said["securing"] / COUNT * 1e6)
            warm.append(said["connecting"] / COUNT * 1e6)
            plain.append(other["connecting"] / COUNT * 1e6)
            ours_rate.append(COUNT / said["seconds"])
            plain_rate.append(COUNT / other["seconds"])
            tls_rate.append(_tls_rate(crowds))
            stranger = crowds.start("alice", "ask", 2000 + number)  # whom no SA is warm for
            cold.append(crowds.order(stranger, "rounds 1", 1)["connecting"] * 1e6)
            end_process(stranger)
            setting.say(f"sockets {number + 1}/{setting.rounds}: warm {warm[-1]:.0f} µs, plain {plain[-1]:.0f}, cold {cold[-1]:.0f}")
        octets = _memory(crowds, user)
        for process in (user, ordinary, *servers):
            end_process(process)
    return [frame.compared("connect of a secured socket, warm SA", "µs", warm, "plain TCP", plain, "<= 2"),
            frame.compared("connect of a secured socket, warm SA", "µs", warm, "with a negotiation", cold),
            frame.compared("connections through one warm SA", "connections/s", ours_rate, "TLS 1.3 (s_time)", tls_rate, ">= 1"),
            frame.compared("connections through one warm SA", "connections/s", ours_rate, "plain TCP", plain_rate),
            frame.Row("the call that secures a socket", "µs", sorted(securing)[len(securing) // 2]),
            frame.Row("daemon's memory for a secured socket", "octets", octets, "4 KiB", 4096, goal="<= 1", note="of 800 more, at the client")]


def _bulk(crowds):
    """Gbit/s of one iperf3 flow, both of its programs under `sallyport run`."""
    address = crowds.stage.wire.address("bob", "v4")

    def words(host, *more):
        environment = {**os.environ, "SALLYPORT_SOCKETS": str(crowds.stage.host(host).folder / "sallyport" / "sockets.sock"),
                       "SALLYPORT_SOCKET": str(crowds.stage.members[host].socket)}
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", frame.tool("sallyport"), "run", "--", "iperf3",
                "-p", str(BULK_PORT), *more], environment
    command, environment = words("bob", "-s", "-1", "-B", address)
    server = crowds.stage.host("bob").start(command, env=environment)
    time.sleep(1)  # its port becomes known
    command, environment = words("alice", "-J", "-t", SECONDS, "-c", address)
    done = crowds.stage.host("alice").run(command, env=environment, timeout=SECONDS + 30, check=False)
    end_process(server)
    said = json.loads(done.stdout)
    if "error" in said:
        raise frame.Unmeasurable(f"iperf3: {said['error']}")
    return said["end"]["sum_received"]["bits_per_second"] / 1e9


def bulk(setting):
    from crowds import Crowds
    from tunnel_lab import TITLES, Tunnels
    found = {"socket": []}
    with Tunnels(("sallyport", "native"), setting) as tunnels, Lab(setting.keep) as lab:
        crowds = Crowds(lab, "60s")
        for number in range(setting.rounds):
            found["socket"].append(_bulk(crowds))
            for kind, tunnel in tunnels.items():
                found.setdefault(kind, []).append(tunnel.tcp(SECONDS)[0])
            setting.say(f"sockets-tcp {number + 1}/{setting.rounds}: " + ", ".join(f"{kind} {values[-1]:.3g}" for kind, values in found.items()))
    name = "TCP over a secured socket, native ESP"
    rows = [frame.compared(name, "Gbit/s", found["socket"], TITLES["sallyport"], found["sallyport"])]
    if "native" in found:
        rows.insert(0, frame.compared(name, "Gbit/s", found["socket"], "tunnel, native ESP", found["native"], ">= 0.9"))
    return rows


MEASUREMENTS = [frame.Measurement("sockets", sockets, targets=("sallyportd", "sallyport", "libsallyport")),
                frame.Measurement("sockets-tcp", bulk, targets=("sallyportd", "sallyport", "libsallyport"))]
