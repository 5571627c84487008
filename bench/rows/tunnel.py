"""Tunnels between two namespaces: throughput and CPU, round-trip time, packets a second, beside the peers and without cryptography."""
import statistics

import frame
from tunnel_lab import PEERS, TITLES, Tunnels

SECONDS = 4
TCP_GOALS = {"libipsec": ">= 10", "openvpn": ">= 7", "wireguard-newest": ">= 2.5", "wireguard": "", "forwarder": "", "forwarder-plain": ""}
FORWARDER_GOALS = {"OpenSSL": ">= 0.65", "ipsec-mb": ">= 0.8"}
TARGETS = ("sallyportd", "sallyport", "forwarder", "paced_udp")
SETS = ("strongswan", "wireguard", "wireguard-newest", "openvpn")


def _rounds(tunnels, setting, name, measure):
    """kind -> list of what measure(tunnel) gave in each round; the kinds take turns."""
    found = {kind: [] for kind in tunnels}
    for number in range(setting.rounds):
        for kind, tunnel in tunnels.items():
            found[kind].append(measure(tunnel))
        told = ", ".join(f"{kind} {_short(values[-1])}" for kind, values in found.items())
        setting.say(f"{name} {number + 1}/{setting.rounds}: {told}")
    return found


def _short(value):
    return "/".join(f"{v:.3g}" for v in value) if isinstance(value, tuple) else f"{value:.4g}"


def _best(found, better):
    """The peer whose median is the best one, or None."""
    there = [kind for kind in PEERS if found.get(kind)]
    return better(there, key=lambda kind: statistics.median(found[kind])) if there else None


def _alone(name, unit, values):
    return frame.Row(name, unit, statistics.median(values), note="no peer at hand")


def tcp(setting):
    with Tunnels(("sallyport", "native", *PEERS, "forwarder", "forwarder-plain", "veth"), setting) as tunnels:
        found = _rounds(tunnels, setting, "tunnel-tcp (Gbit/s / CPU s per Gbit)", lambda tunnel: tunnel.tcp(SECONDS))
        goals = {**TCP_GOALS, "forwarder": FORWARDER_GOALS.get(tunnels["sallyport"].provider, "")}
    speed, cost = ({kind: [value[index] for value in values] for kind, values in found.items()} for index in (0, 1))
    rows = [frame.compared("TCP, one flow, AES-128-GCM", "Gbit/s", speed["sallyport"], TITLES[kind], speed[kind], goal)
            for kind, goal in goals.items() if kind in speed]
    if "native" in speed:
        rows.append(frame.compared("TCP, native ESP (protocol 50)", "Gbit/s", speed["native"], "own, in UDP", speed["sallyport"], ">= 0.35"))
    if "forwarder" in speed:
        rows.append(frame.compared("the forwarder itself, TCP", "Gbit/s", speed["forwarder"], TITLES["veth"], speed["veth"], ">= 0.3"))
    best = _best(cost, min)
    name = "CPU of the tunnel's processes, TCP"
    rows.append(frame.compared(name, "s/Gbit", cost["sallyport"], TITLES[best], cost[best], "<= 0.4") if best
                else _alone(name, "s/Gbit", cost["sallyport"]))
    if "forwarder" in cost:
        rows.append(frame.compared(name, "s/Gbit", cost["sallyport"], TITLES["forwarder"], cost["forwarder"]))
    return rows


def tcp_without_udp_segmentation(setting):
    with Tunnels(("sallyport", "forwarder"), setting, udp_segmentation=False) as tunnels:
        found = _rounds(tunnels, setting, "tunnel-tcp-nogso (Gbit/s / CPU s per Gbit)", lambda tunnel: tunnel.tcp(SECONDS))
    speed = {kind: [value[0] for value in values] for kind, values in found.items()}
    if "forwarder" not in speed:
        raise frame.Unmeasurable("the forwarder did not start")
    return [frame.compared("TCP, the wire without tx-udp-segmentation", "Gbit/s", speed["sallyport"], TITLES["forwarder"], speed["forwarder"], ">= 0.8")]


def ping(setting):
    with Tunnels(("sallyport", *PEERS, "forwarder-plain", "veth"), setting) as tunnels:
        found = _rounds(tunnels, setting, "tunnel-ping (µs)", lambda tunnel: tunnel.round_trip())
    best, name = _best(found, min), "ping through the idle tunnel, median"
    rows = [frame.compared(name, "µs", found["sallyport"], TITLES[best], found[best], "<= 1.1") if best else _alone(name, "µs", found["sallyport"])]
    rows += [frame.compared(name, "µs", found["sallyport"], TITLES[kind], found[kind]) for kind in found if kind not in ("sallyport", best)]
    return rows


def udp(setting):
    rows = []
    with Tunnels(("sallyport", *PEERS, "forwarder"), setting) as tunnels:
        for octets in (64, 512, 1400):
            begin = {kind: 8000 for kind in tunnels}

            def rate(tunnel):
                found = tunnel.highest_rate(octets, begin[tunnel.kind])
                begin[tunnel.kind] = max(1000, found * 0.7)   # the next round starts near by
                return found
            found = _rounds(tunnels, setting, f"tunnel-udp {octets} B (packets/s)", rate)
            best, name = _best(found, max), f"UDP, {octets} B packets, at most 0.5 % lost"
            rows.append(frame.compared(name, "packets/s", found["sallyport"], TITLES[best], found[best], ">= 2") if best
                        else _alone(name, "packets/s", found["sallyport"]))
            if "forwarder" in found:
                rows.append(frame.compared(name, "packets/s", found["sallyport"], TITLES["forwarder"], found["forwarder"]))
    return rows


MEASUREMENTS = [
    frame.Measurement("tunnel-tcp", tcp, TARGETS, SETS),
    frame.Measurement("tunnel-tcp-nogso", tcp_without_udp_segmentation, TARGETS),
    frame.Measurement("tunnel-ping", ping, TARGETS, SETS),
    frame.Measurement("tunnel-udp", udp, TARGETS, SETS),
]
