"""Hosts and routers in network namespaces, and their certain removal.

A Lab owns a name prefix that no other process uses (sp<pid>), every namespace, process and folder made through it, and
removes all of them when its `with` block ends, however it ends: return, exception, SIGINT, SIGTERM. sweep() removes what
an earlier run left behind when it was killed with SIGKILL.
"""
import contextlib
import ipaddress
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time


class Stopped(BaseException):
    """Raised by the signal handlers, so that every `finally` runs."""


def available():
    """None where namespaces and TUN devices can be made, else the reason in one sentence."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "nsenter", "unshare"):
        if not shutil.which(tool):
            return f"the program '{tool}' is missing"
    probe = f"sp{os.getpid()}probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True)
    if made.returncode != 0:
        return "network namespaces cannot be made here: " + made.stderr.strip()
    subprocess.run(["ip", "netns", "del", probe], capture_output=True)
    if not os.path.exists("/dev/net/tun"):
        return "/dev/net/tun is missing"
    return None


def wait_until(fact, timeout, what, pause=0.02):
    """Waits until fact() is true and returns its value; after `timeout` seconds raises TimeoutError(what)."""
    end = time.monotonic() + timeout
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"after {timeout:g} s still not: {what}")
        time.sleep(pause)


class Host:
    """One network namespace: a host or a router."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.netns = f"{lab.prefix}{name}"
        self.folder = lab.folder / name
        self.folder.mkdir()
        lab.host_run(["ip", "netns", "add", self.netns])
        lab.namespaces.append(self.netns)
        self.ip("link set lo up")
        # No address autoconfiguration and no duplicate detection: addresses are usable at once.
        for path in ("all", "default"):
            self.sysctl(f"net/ipv6/conf/{path}/accept_dad", 0)
            self.sysctl(f"net/ipv6/conf/{path}/accept_ra", 0)
            self.sysctl(f"net/ipv4/conf/{path}/rp_filter", 0)

    def enter(self, argv):
        return ["nsenter", f"--net=/run/netns/{self.netns}", *map(str, argv)]

    def run(self, argv, check=True, timeout=30, **options):
        """Runs to the end, returns CompletedProcess with text output."""
        done = subprocess.run(self.enter(argv), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, argv, log=None, **options):
        """Starts in the background; ends with the lab. Output goes to the file `log` in the host's folder."""
        stream = open(self.folder / log, "ab") if log else subprocess.DEVNULL
        options.setdefault("stdout", stream)
        options.setdefault("stderr", subprocess.STDOUT if log else subprocess.DEVNULL)
        process = subprocess.Popen(self.enter(argv), **{"stdin": subprocess.DEVNULL, "start_new_session": True, **options})
        self.lab.processes.append(process)
        if log:
            stream.close()
        return process

    def ip(self, words):
        return self.run(["ip", *words.split()]).stdout

    def sysctl(self, path, value):
        # The write must happen inside the namespace: /proc/sys/net shows the namespace of the process that opens it.
        self.run(["sh", "-c", f"[ ! -e /proc/sys/{path} ] || echo {value} > /proc/sys/{path}"])

    def nft(self, rules):
        self.run(["nft", rules])

    def forward(self):
        self.sysctl("net/ipv4/ip_forward", 1)
        self.sysctl("net/ipv6/conf/all/forwarding", 1)

    def masquerade(self, outside):
        """Source NAT for everything that leaves by `outside`, IPv4 and IPv6."""
        self.nft("add table inet nat")
        self.nft("add chain inet nat post { type nat hook postrouting priority 100 ; }")
        self.nft(f'add rule inet nat post oifname "{outside}" masquerade')

    def forget_nat(self):
        """Drops all translations, as a router that restarts does. Rebinding happens with the next packet."""
        self.nft("flush ruleset")

    def ping(self, to, count=3, source=None, size=56, timeout=1, interval=0.05):
        """Returns how many of `count` echo requests were answered."""
        argv = ["ping", "-n", "-q", "-c", count, "-W", timeout, "-i", interval, "-s", size]
        argv += ["-I", source] if source else []
        done = self.run([*argv, to], check=False, timeout=count * (timeout + 1) + 5)
        match = re.search(r"(\d+) received", done.stdout)
        return int(match.group(1)) if match else 0


class Lab:
    """Everything one test makes. Use as `with Lab() as lab:`."""
    counter = 0
    workers = 1   # packet workers of our daemons, where a configuration does not say

    def __init__(self, keep=False):
        Lab.counter += 1
        self.prefix = f"sp{os.getpid()}x{Lab.counter}"
        self.keep = keep
        self.namespaces, self.processes, self.hosts = [], [], {}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.prefix}-"))
        self._old_handlers = {}

    def __enter__(self):
        def stop(number, _frame):
            raise Stopped(signal.Signals(number).name)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._old_handlers[number] = signal.signal(number, stop)
        return self

    def __exit__(self, *_):
        # From here on a second signal must not interrupt the removal.
        for number in self._old_handlers:
            signal.signal(number, signal.SIG_IGN)
        self.remove()
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)

    def host_run(self, argv, check=True):
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done

    def host(self, name):
        host = self.hosts[name] = Host(self, name)
        return host

    def wire(self, a, dev_a, b, dev_b, addresses_a=(), addresses_b=()):
        """A veth pair between two hosts. Addresses are 'a.b.c.d/n' or 'x::y/n'."""
        # Made with its ends in place: names like "wan" may exist in the caller's own namespace.
        self.host_run(["ip", "link", "add", dev_a, "netns", a.netns, "type", "veth", "peer", "name", dev_b, "netns", b.netns])
        for host, device, addresses in ((a, dev_a, addresses_a), (b, dev_b, addresses_b)):
            for address in addresses:
                nodad = " nodad" if ":" in address else ""
                host.ip(f"addr add {address} dev {device}{nodad}")
            host.ip(f"link set {device} up")

    def remove(self):
        for process in self.processes:
            end_process(process)
        for netns in self.namespaces:
            # Whatever still lives in there was started by what we started (charon forks, pings).
            found = self.host_run(["ip", "netns", "pids", netns], check=False).stdout.split()
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            self.host_run(["ip", "netns", "del", netns], check=False)
        self.namespaces, self.processes = [], []
        if self.keep:
            print(f"lab: logs and captures are kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def end_process(process, patience=3.0):
    """Ends a process we started, and its session: politely first."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(2)


def sweep():
    """Removes namespaces of labs whose process is gone."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for match in re.finditer(r"^(sp(\d+)x\d+\S*)", listed, re.M):
        if not os.path.exists(f"/proc/{match.group(2)}"):
            pids = subprocess.run(["ip", "netns", "pids", match.group(1)], capture_output=True, text=True).stdout.split()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", match.group(1)], capture_output=True)


class Plan:
    """Two hosts, each with a private network behind it, and an outside between them.

        east: inner 10.1.0.1/24 (fd01::1/64)  --- [router] ---  west: inner 10.2.0.1/24 (fd02::1/64)

    outer: "v4" or "v6". nat: the router masquerades east, which therefore has to start every exchange (unless UDP
    mappings exist already). routed: a router that only forwards. Without either the two hosts share one wire.
    """

    def __init__(self, lab, outer="v4", nat=False, routed=False):
        self.lab, self.outer, self.nat = lab, outer, nat
        self.east, self.west = lab.host("east"), lab.host("west")
        v6 = outer == "v6"
        bits = 64 if v6 else 24
        if nat or routed:
            self.router = lab.host("router")
            if v6:
                inside, hop, outside, far = "2001:db8:a::2", "2001:db8:a::1", "2001:db8:b::1", "2001:db8:b::2"
            else:
                inside, hop, outside, far = "192.168.7.2", "192.168.7.1", "203.0.113.1", "203.0.113.2"
            lab.wire(self.east, "wan", self.router, "lan", [f"{inside}/{bits}"], [f"{hop}/{bits}"])
            lab.wire(self.west, "wan", self.router, "net", [f"{far}/{bits}"], [f"{outside}/{bits}"])
            self.router.forward()
            self.east.ip(("-6 " if v6 else "") + f"route add default via {hop}")
            self.east_address, self.west_address, self.east_seen_as = inside, far, outside if nat else inside
            if nat:
                self.router.masquerade("net")
            else:
                self.west.ip(("-6 " if v6 else "") + f"route add default via {outside}")
        else:
            self.router = None
            a, b = ("2001:db8::1", "2001:db8::2") if v6 else ("192.0.2.1", "192.0.2.2")
            lab.wire(self.east, "wan", self.west, "wan", [f"{a}/{bits}"], [f"{b}/{bits}"])
            self.east_address, self.west_address, self.east_seen_as = a, b, a
        for host, v4, v6_inner in ((self.east, "10.1.0.1/24", "fd01::1/64"), (self.west, "10.2.0.1/24", "fd02::1/64")):
            host.ip("link add inner type dummy") if _has_dummy(host) else host.ip("link add inner type bridge")
            host.ip(f"addr add {v4} dev inner")
            host.ip(f"addr add {v6_inner} dev inner nodad")
            host.ip("link set inner up")
        # Neighbour discovery over IPv6 needs link-local addresses, which appear a moment after the link.
        wait_until(lambda: self.east.ping(self.west_address, 1), 10, "the outside to carry packets")
        self.nets = {"east": ["10.1.0.0/24"], "west": ["10.2.0.0/24"]}

    def cut_before_the_wire(self):
        """Trains of datagrams are cut by the sender's kernel, as before a real wire: captures then hold single packets."""
        for host in (self.east, self.west):
            host.run(["ethtool", "-K", "wan", "tx-udp-segmentation", "off"])

    def inner(self, side):
        return "10.1.0.1" if side == "east" else "10.2.0.1"

    def address(self, side):
        return self.east_address if side == "east" else self.west_address

    def seen_address(self, side):
        """The address under which the other side sees this one (after the NAT router)."""
        return self.east_seen_as if side == "east" else self.west_address

    def host(self, side):
        return self.east if side == "east" else self.west


def _has_dummy(host):
    made = host.run(["ip", "link", "add", "probe0", "type", "dummy"], check=False).returncode == 0
    if made:
        host.ip("link del probe0")
    return made


def is_v6(address):
    return ipaddress.ip_address(address).version == 6
