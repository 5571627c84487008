#!/usr/bin/python3
"""Our daemon on both ends, in network namespaces.

Usage: run.py [--list] [--case NAME]… [--keep] [--harness]
--harness: strongSwan plays both parts. Exit 77 means skipped, with the reason.
"""
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import capture, refusals, sallyport, space, traffic
from lab.scenario import Case, Failure, Scenario, play
from lab.space import Lab

CASES = [
    Case("psk-v4-native", outer="v4", encap=False),
    Case("psk-v6-native", outer="v6", cipher="cbc", encap=False),
    Case("psk-v4-encap", outer="v4", cipher="chacha"),
    Case("rsa-v6-nat", outer="v6", nat=True, auth="rsa", cipher="cbc"),
    Case("ecdsa-v4-nat", outer="v4", nat=True, auth="ecdsa"),
    Case("ed25519-v4-native", outer="v4", auth="ed25519", encap=False),
    Case("rekey-both", steps=("rekey-child:ours", "rekey-ike:peer", "rekey-child:peer", "rekey-ike:ours"), pfs=True, encap=False),
    Case("delete-child", steps=("delete-child:ours",)),
    Case("delete-ike", steps=("delete-ike:peer",)),
    Case("restart-starter", steps=("kill:ours",), encap=False, recover=3.0),
    Case("restart-other", steps=("kill:peer",), encap=False, recover=3.0),
]
# 100 Child SA and 10 IKE SA rekeys under 5 000 packets/s each way, nothing lost.
SOAK = "rekey-soak"
SKIPPED = 77


def soak(ours, peer, keep, children=100, ikes=10, pps=5000):
    """Returns (passed, text) with the count of every direction."""
    case = Case(SOAK, encap=False, pfs=True, pps=pps)
    with Lab(keep=keep) as lab:
        scenario = Scenario(lab, case, ours, peer)
        done = scenario.starter().up()
        if done.returncode != 0:
            return False, f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-400:]}"
        wire = capture.Capture(scenario.plan.west, "wan", expression="udp port 500 or arp")
        flow = scenario.flow(seconds=600)
        time.sleep(1)
        begun, made = time.monotonic(), 0
        try:
            for round_number in range(children):
                scenario.ends["ours"].rekey("child")
                made += 1
                if ikes and round_number % (children // ikes) == children // ikes - 1:
                    scenario.ends["ours"].rekey("ike")
                time.sleep(0.1)
        finally:
            flow.stop()
            flow.patience = 30
            ways = flow.finish()
        wire.stop()
        text = f"{made} Child SA and {ikes} IKE SA rekeys in {time.monotonic() - begun:.1f} s"
        for way, count in zip(("east to west", "west to east"), ways):
            text += f"; {way} {count.sent} sent, {count.lost} lost, {count.duplicates} twice, {count.corrupt} damaged"
        return made == children and not any(count.lost or count.corrupt for count in ways), text


def main(arguments):
    if "--list" in arguments:
        print("\n".join([*(case.name for case in CASES), *refusals.NAMES, SOAK]))
        return 0
    harness = "--harness" in arguments
    why_not = space.available() or (None if traffic.tool() else "seqflow is not built") or (None if harness else sallyport.available())
    if why_not:
        print(f"skipped: {why_not}")
        return SKIPPED
    space.sweep()
    names = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--case"]
    kind, keep, failed = ("strongswan" if harness else "sallyport"), "--keep" in arguments, 0
    for case in CASES:
        if names and case.name not in names:
            continue
        passed, text = play(case, kind, kind, keep)
        print(f"{'ok  ' if passed else 'FAIL'} {case.name}: {text}", flush=True)
        failed += not passed
    for name in refusals.NAMES:
        if (names and name not in names) or harness:
            continue
        passed, text = refusals.play(name, keep)
        print(f"{'ok  ' if passed else 'FAIL'} {name}: {text}", flush=True)
        failed += not passed
    if not names or SOAK in names:
        try:
            passed, text = soak(kind, kind, keep)
        except (Failure, RuntimeError, TimeoutError, ValueError) as why:
            passed, text = False, f"{type(why).__name__}: {why}"
        print(f"{'ok  ' if passed else 'FAIL'} {SOAK}: {text}", flush=True)
        failed += not passed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
