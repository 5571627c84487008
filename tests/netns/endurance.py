#!/usr/bin/python3
"""A tunnel under iperf3 for minutes, rekeyed every few seconds: what a sanitizer build, or a long life, must withstand.

Usage: endurance.py [--minutes N] [--every SECONDS] [--workers N] [--native] [--keep]     (SALLYPORT_BUILD names the build folder)
TCP runs both ways at once. The Child SA is rekeyed by each end in turn, every third time the IKE SA too. It fails when a
second passes without traffic longer than a rekey may take, a process of a daemon ends, a packet is dropped for a reason that
only damage explains, or a sanitizer has said anything. Run on demand: no CTest entry.
"""
import argparse
import json
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import sallyport, space
from lab.scenario import Case, Scenario
from lab.space import Lab, wait_until

SANITIZERS = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|SUMMARY: ")
# Counters that stay zero between two honest ends on a wire that damages nothing.
DAMAGE = ("bad_icv", "bad_padding", "malformed", "selector_mismatch", "unaligned", "not_ip")
MOST_SILENT_SECONDS = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=float, default=10, help="seconds between two rekeys")
    parser.add_argument("--workers", type=int, default=1, help="packet workers of each daemon")
    parser.add_argument("--native", action="store_true", help="ESP on raw sockets instead of in UDP")
    parser.add_argument("--keep", action="store_true", help="keep the lab's folder, with logs")
    wanted = parser.parse_args()
    if why := space.available() or sallyport.available():
        print(f"skipped: {why}")
        return 77
    space.sweep()
    with Lab(keep=wanted.keep) as lab:
        return run(lab, wanted)


def run(lab, wanted):
    scenario = Scenario(lab, Case("endurance", pfs=True, offloads=True, workers=wanted.workers, encap=not wanted.native), "sallyport", "sallyport")
    ends = (scenario.ends["ours"], scenario.ends["peer"])
    done = ends[0].up()
    if done.returncode != 0:
        print(f"FAIL the tunnel did not come up: {done.stdout}{done.stderr}")
        return 1
    east, west = scenario.plan.host("east"), scenario.plan.host("west")
    seconds = int(wanted.minutes * 60)
    server = west.start(["iperf3", "-s", "-B", scenario.plan.inner("west")], log="iperf3-server.log")
    wait_until(lambda: west.run(["ss", "-Hltn", "sport = :5201"]).stdout.strip(), 5, "iperf3's server")
    output = east.folder / "iperf3.json"
    client = east.start(["sh", "-c", f"exec iperf3 -c {scenario.plan.inner('west')} -B {scenario.plan.inner('east')} --bidir -t {seconds} -i 1 -J > {output}"],
                        log="iperf3.log")
    began, rekeys, problems = time.monotonic(), 0, []
    while client.poll() is None and not problems:
        time.sleep(wanted.every)
        if client.poll() is not None:
            break
        end = ends[rekeys % 2]
        end.rekey("child")
        if rekeys % 3 == 2:
            end.rekey("ike")
        rekeys += 1
        problems += judge(ends)
        print(f"{time.monotonic() - began:6.0f} s, {rekeys} rekeys", flush=True)
    if client.poll() is None:
        client.wait(timeout=30)
    told = json.loads(output.read_text())
    if "error" in told:
        problems.append(f"iperf3: {told['error']}")
    silent = longest_silence(told)
    if silent > MOST_SILENT_SECONDS:
        problems.append(f"nothing arrived for {silent} seconds")
    for end in ends:
        end.stop()
    problems += judge(ends, running=False)
    octets = [told["end"][name]["bytes"] for name in ("sum_received", "sum_received_bidir_reverse")] if "end" in told and told["end"] else [0, 0]
    text = f"{time.monotonic() - began:.0f} s, {rekeys} times rekeyed, {octets[0] / 1e9:.2f} and {octets[1] / 1e9:.2f} GB, longest silence {silent} s"
    print(f"{'FAIL' if problems else 'ok  '} endurance: {text}")
    for problem in problems:
        print(f"     {problem}")
    return 1 if problems or not all(octets) else 0


def longest_silence(told):
    longest = now = 0
    for interval in told.get("intervals", []):
        moved = interval["sum"]["bytes"] + interval.get("sum_bidir_reverse", {}).get("bytes", 0)
        now = 0 if moved else now + 1
        longest = max(longest, now)
    return longest


def judge(ends, running=True):
    problems = []
    for end in ends:
        log = end.host.folder / "sallyportd.log"
        found = [line for line in log.read_text(errors="replace").splitlines() if SANITIZERS.search(line)]
        problems += [f"{end.side}: {line}" for line in found[:5]]
        if not running:
            continue
        if end.process.poll() is not None:
            problems.append(f"{end.side}: the daemon ended with {end.process.returncode}")
            continue
        drops = end.status().get("drops", {})
        problems += [f"{end.side}: {count} packets dropped as {name}" for name, count in drops.items() if count and any(d in name for d in DAMAGE)]
    return problems


if __name__ == "__main__":
    sys.exit(main())
