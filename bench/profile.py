#!/usr/bin/python3
"""Where the time of a tunnel goes: iperf3's one flow of TCP under `perf record`, every sample put under one heading.

Usage: profile.py [--seconds N] [--nogso] [KIND…]     kinds of tunnel_lab (default: sallyport forwarder)
Prints a Markdown table, then the functions of the programs that took most: per cent of the busy time of all processors, and CPU seconds for each gigabit that arrived. Needs root and perf.
What a system call makes the kernel do belongs to it, until an interrupt's work (softirq) begins inside: that is a heading of its own.
"""
import argparse
import collections
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
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "netns")]
import frame
from lab.space import wait_until
from tunnel_lab import TITLES, Tunnels

HERTZ = 997
OTHERS = "others on the machine"
CRYPTO = re.compile(r"libIPSec_MB|libcrypto")
KERNEL = re.compile(r"\[kernel|\[guest|\.ko\b|kallsyms")
# The first that some frame of the stack bears.
IN_KERNEL = (("softirq: across the wire, UDP or TCP upwards", ("net_rx_action", "__do_softirq", "handle_softirqs")),
             ("TUN device: read", ("tun_chr_read_iter",)), ("TUN device: write", ("tun_chr_write_iter",)),
             ("UDP: send", ("udp_sendmsg", "udpv6_sendmsg", "__sys_sendmmsg", "__sys_sendmsg", "__sys_sendto")),
             ("UDP: receive", ("udp_recvmsg", "__sys_recvmmsg", "__sys_recvmsg", "do_recvmmsg")),
             ("waiting and being woken", ("ep_poll", "do_epoll_wait", "__schedule", "schedule")))


def heading(comm, pid, frames, sides):
    """frames: (symbol, object) from the innermost. None: idle."""
    if comm.startswith("swapper"):
        return "softirq: across the wire, UDP or TCP upwards" if any("softirq" in symbol for symbol, _ in frames) else None
    if comm.startswith("iperf3"):
        return "iperf3 and its TCP"
    if pid not in sides:
        return "softirq: across the wire, UDP or TCP upwards" if comm.startswith("ksoftirqd") else OTHERS
    symbol, where = frames[0] if frames else ("", "")
    side = "sender" if sides[pid] == "east" else "receiver"
    if not KERNEL.search(where):
        if re.search(r"mem(cpy|move|set)", symbol):
            return f"{side}: the program's own code, memcpy"
        return f"{side}: cryptography" if CRYPTO.search(where) or re.search(r"aes|gcm|ghash|imb_", symbol) else f"{side}: the program's own code"
    symbols = {symbol for symbol, _ in frames}
    for name, marks in IN_KERNEL:
        if symbols & set(marks):
            return name if name.startswith("softirq") else f"{side}: {name}"
    return f"{side}: other work of the kernel"


def samples(text):
    """(comm, pid, [(symbol, object)]) of each sample of `perf script`."""
    for block in text.split("\n\n"):
        lines = block.strip("\n").splitlines()
        if not lines or not (head := re.match(r"\s*(.+?)\s+(\d+)\s*$", lines[0])):
            continue
        frames = [(match.group(1), match.group(2)) for line in lines[1:] if (match := re.match(r"\s+[0-9a-f]+ (.+?)(?:\+0x[0-9a-f]+)? \((.*)\)$", line))]
        yield head.group(1), int(head.group(2)), frames


def profile(tunnel, seconds, folder):
    server = tunnel.west.start(["iperf3", "-s", "-1", "-B", tunnel.plan.inner("west")])
    wait_until(lambda: ":5201 " in tunnel.west.run(["ss", "-ltn"]).stdout, 5, "iperf3's server")
    output, data = folder / "iperf3.json", folder / "perf.data"
    client = tunnel.east.start(["sh", "-c", f"exec iperf3 -J -t {seconds + 2} -i {seconds} -O 1 -c {tunnel.plan.inner('west')} -B {tunnel.plan.inner('east')} > {output}"])
    time.sleep(1.5)
    subprocess.run(["perf", "record", "-q", "-a", "-g", "-e", "cpu-clock", "-F", str(HERTZ), "-o", data, "--", "sleep", str(seconds)], check=True,
                   capture_output=True)
    client.wait(seconds + 30)
    server.wait(10)
    told = json.loads(output.read_text())["end"]["sum_received"]
    gigabits = told["bytes"] * 8e-9 / told["seconds"] * seconds
    text = subprocess.run(["perf", "script", "-i", data, "-F", "comm,pid,ip,sym,dso"], capture_output=True, text=True, check=True).stdout
    return text, gigabits


def family(leader):
    """The process and all its descendants."""
    found, unseen = set(), [leader]
    while unseen:
        pid = unseen.pop()
        found.add(pid)
        for thread in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            unseen += [int(word) for word in thread.read_text().split()]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--nogso", action="store_true", help="the wire without tx-udp-segmentation")
    parser.add_argument("kinds", nargs="*", default=["sallyport", "forwarder"])
    wanted = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("perf"):
        print("skipped: profiles need root and perf")
        return 77
    setting = frame.Setting(1, lambda text: print(f"profile: {text}", file=sys.stderr, flush=True))
    found, functions = {}, {}
    with Tunnels(tuple(wanted.kinds), setting, udp_segmentation=not wanted.nogso) as tunnels:
        for kind, tunnel in tunnels.items():
            east = pathlib.Path(f"/run/netns/{tunnel.east.netns}").stat().st_ino
            sides = {pid: "east" if pathlib.Path(f"/proc/{leader}/ns/net").stat().st_ino == east else "west"
                     for leader in tunnel.leaders for pid in family(leader)}
            text, gigabits = profile(tunnel, wanted.seconds, tunnel.east.folder)
            every = list(samples(text))
            counts = collections.Counter(heading(comm, pid, frames, sides) for comm, pid, frames in every)
            found[kind] = (counts, gigabits)
            functions[kind] = collections.Counter((sides[pid], frames[0][0].replace("(anonymous namespace)::", "").split("(")[0]) for comm, pid, frames in every
                                                  if pid in sides and frames and not KERNEL.search(frames[0][1]))
    facts = frame.machine()
    print(f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}; {facts['date']}, commit {facts['commit']}, load {facts['load_before']:.2f} before\n")
    names = sorted({name for counts, _ in found.values() for name in counts if name and name != OTHERS}, key=lambda name: -max(c[name] for c, _ in found.values()))
    print("| Where | " + " | ".join(f"{TITLES[kind]}, % | CPU ms/Gbit" for kind in found) + " |")
    print("|---|" + "---|---|" * len(found))
    for name in names:
        cells = [f"{100 * c[name] / busy(c):.1f} | {1000 * c[name] / HERTZ / gigabits:.1f}" for c, gigabits in found.values()]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("| all that is busy | " + " | ".join(f"100 | {1000 * busy(c) / HERTZ / g:.1f}" for c, g in found.values()) + " |")
    for kind, counted in functions.items():
        most = ", ".join(f"{side} {symbol} {1000 * count / HERTZ / found[kind][1]:.1f}" for (side, symbol), count in counted.most_common(14))
        print(f"\n{TITLES[kind]}, functions of the programs, CPU ms/Gbit: {most}")
    print("\n" + "; ".join(f"{TITLES[kind]}: {g / wanted.seconds:.2f} Gbit/s" for kind, (_, g) in found.items()))
    idle = "; ".join(f"{TITLES[kind]}: {100 * c[OTHERS] / sum(c.values()):.0f} %" for kind, (c, _) in found.items())
    print(f"Of all samples other programs had: {idle}")
    return 0


def busy(counts):
    return sum(count for name, count in counts.items() if name and name != OTHERS)


if __name__ == "__main__":
    sys.exit(main())
