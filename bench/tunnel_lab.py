"""Tunnels of every kind between two hosts each, side by side, so that rounds can alternate between them.

A Tunnel has its own namespaces; an idle one costs nothing. east sends, west receives; inner networks 10.1.0.0/24 and 10.2.0.0/24.
"""
import json
import re
import statistics
import subprocess
import time

import cpu
import frame
from lab import other_tunnels, peers, sallyport, space, strongswan
from lab.connection import Connection, End
from lab.space import Lab, Plan, wait_until

# What a figure of the table calls them.
TITLES = {"sallyport": "sallyport", "native": "sallyport, native ESP", "libipsec": "strongSwan libipsec", "wireguard": "wireguard-go (Debian 12)",
          "wireguard-newest": "wireguard-go (newest)", "openvpn": "OpenVPN", "forwarder": "forwarder with offloads",
          "forwarder-plain": "forwarder, packet by packet", "veth": "plain veth"}
PEERS = ("libipsec", "wireguard", "wireguard-newest", "openvpn")
INNER_MTU = 1420


def _connection(plan, encap):
    return Connection(End("east.example", plan.east_address, plan.nets["east"]), End("west.example", plan.west_address, plan.nets["west"]),
                      esp="aes128gcm16", encap=encap)


def _start_sallyport(plan, encap=True):
    connection = _connection(plan, encap)
    ends = [sallyport.Sallyport(plan.host(side), connection, side) for side in ("west", "east")]
    _up(ends)
    return re.search(r'"provider": ?"([^"]*)"', ends[1].command("status", "--json", check=True).stdout)[1]


def _start_libipsec(plan):
    connection = _connection(plan, True)
    _up([strongswan.Strongswan(plan.host(side), connection, side, level=-1) for side in ("west", "east")])


def _up(ends):
    for end in ends:
        end.start()
    done = ends[1].up()
    if done.returncode != 0:
        raise RuntimeError(f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-400:]}")


def _start_forwarder(plan, mode):
    for side, other in (("east", "west"), ("west", "east")):
        host = plan.host(side)
        host.start([frame.tool("forwarder"), mode, "fwd0", plan.address(side), plan.address(other), 4789], log="forwarder.log")
        wait_until(lambda: host.run(["ip", "link", "show", "fwd0"], check=False).returncode == 0, 5, "the forwarder's device")
        host.ip(f"link set fwd0 up mtu {INNER_MTU}")
        host.ip(f"route add {plan.nets[other][0]} dev fwd0 src {plan.inner(side)}")


def _start_veth(plan):
    for side, other in (("east", "west"), ("west", "east")):
        plan.host(side).ip(f"route add {plan.nets[other][0]} via {plan.address(other)} src {plan.inner(side)}")


START = {"sallyport": _start_sallyport, "native": lambda plan: _start_sallyport(plan, encap=False), "libipsec": _start_libipsec,
         "wireguard": lambda plan: other_tunnels.start_wireguard(plan, "wireguard"),
         "wireguard-newest": lambda plan: other_tunnels.start_wireguard(plan, "wireguard-newest"), "openvpn": other_tunnels.start_openvpn,
         "forwarder": lambda plan: _start_forwarder(plan, "offload"), "forwarder-plain": lambda plan: _start_forwarder(plan, "plain"),
         "veth": _start_veth}


class Tunnel:
    """One kind in a lab of its own. udp_segmentation: false switches the wire's off, as a path without that offload."""

    def __init__(self, lab, kind, udp_segmentation=True):
        self.kind, self.plan = kind, Plan(lab)
        self.east, self.west = self.plan.east, self.plan.west
        if not udp_segmentation:
            for host in (self.east, self.west):
                host.run(["ethtool", "-K", "wan", "tx-udp-segmentation", "off"])
        before = len(lab.processes)
        self.provider = START[kind](self.plan)   # who does the cryptography; None: not told
        self.leaders = [process.pid for process in lab.processes[before:]]
        wait_until(lambda: self.east.ping(self.plan.inner("west"), 1, source=self.plan.inner("east")), 20, f"packets through {kind}")

    def tcp(self, seconds):
        """One iperf3 flow from east to west: (Gbit/s received, CPU seconds of the tunnel's processes for each gigabit)."""
        server = self.west.start(["iperf3", "-s", "-1", "-B", self.plan.inner("west")])
        wait_until(lambda: ":5201 " in self.west.run(["ss", "-ltn"]).stdout, 5, "iperf3's server")
        before = cpu.read(self.leaders)
        done = self.east.run(["iperf3", "-J", "-t", seconds, "-c", self.plan.inner("west"), "-B", self.plan.inner("east")],
                             timeout=seconds + 30)
        after = cpu.read(self.leaders)
        server.wait(10)
        octets = json.loads(done.stdout)["end"]["sum_received"]["bytes"]
        measured = json.loads(done.stdout)["end"]["sum_received"]["seconds"]
        return octets * 8e-9 / measured, cpu.seconds(before, after) / (octets * 8e-9)

    def round_trip(self, count=300):
        """Median of the idle tunnel's round-trip times, in microseconds."""
        done = self.east.run(["ping", "-n", "-i", "0.004", "-c", count, "-W", "1", "-I", self.plan.inner("east"), self.plan.inner("west")],
                             check=False, timeout=60)
        times = [float(text) for text in re.findall(r"time=([\d.]+) ms", done.stdout)]
        if len(times) < count // 2:
            raise RuntimeError(f"{self.kind}: only {len(times)} of {count} echo requests were answered")
        return statistics.median(times) * 1000

    def udp(self, pps, octets, seconds=1.0):
        """(packets sent, packets received) at a steady pace; octets of the inner IP packet."""
        receiver = self.west.start([frame.tool("paced_udp"), "receive", self.plan.inner("west"), 47100, seconds + 10],
                                   stdout=subprocess.PIPE, text=True)
        receiver.stdout.readline()
        done = self.east.run([frame.tool("paced_udp"), "send", self.plan.inner("east"), self.plan.inner("west"), 47100, pps, seconds, octets])
        time.sleep(0.3)   # what is under way
        receiver.terminate()
        received = json.loads(receiver.communicate(timeout=10)[0].splitlines()[-1])
        return json.loads(done.stdout)["packets"], received["packets"]

    def highest_rate(self, octets, start, allowed=0.005):
        """Packets a second received at no more loss than allowed: the rate grows by half until too many are lost, then bisects."""
        def arrives(rate):
            for _ in range(2):   # one disturbance by something else on the machine is forgiven
                sent, received = self.udp(rate, octets)
                # A sender that cannot keep the pace has met the machine's own limit.
                if received >= sent * (1 - allowed) and sent >= rate * 0.98:
                    return received
            return None
        good, best, bad = 0.0, 0, None
        rate = start
        for _ in range(14):
            received = arrives(rate)
            if received is not None:
                good, best = rate, max(best, received)
            else:
                bad = rate
            if bad is None:
                rate = good * 1.5
            elif bad <= max(good, start / 64) * 1.06:
                break
            else:
                rate = (good + bad) / 2 if good else bad / 2
        return best


class Tunnels:
    """Use as `with Tunnels(kinds, setting) as tunnels:`; those whose peer is not to be had are left out, and say so."""

    def __init__(self, kinds, setting, udp_segmentation=True):
        self.kinds, self.setting, self.udp_segmentation = kinds, setting, udp_segmentation
        self.labs, self.made = [], {}

    def __enter__(self):
        if why := space.available():
            raise frame.Unmeasurable(why)
        space.sweep()
        for kind in self.kinds:
            lab = Lab(self.setting.keep)
            lab.__enter__()
            self.labs.append(lab)
            try:
                self.made[kind] = Tunnel(lab, kind, self.udp_segmentation)
            except (peers.Unavailable, RuntimeError, TimeoutError, frame.Unmeasurable) as why:
                if kind == "sallyport":
                    self.__exit__()
                    raise
                self.setting.say(f"without {TITLES[kind]}: {why}")
            except BaseException:
                self.__exit__()
                raise
        return self.made

    def __exit__(self, *_):
        while self.labs:
            self.labs.pop().__exit__()
