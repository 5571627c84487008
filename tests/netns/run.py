#!/usr/bin/python3
"""Our daemon on both ends, in network namespaces.

Usage: run.py [--list | --list-scenarios] [--case NAME]… [--keep] [--harness] [--workers N]
--list-scenarios: the cases of isolation policies, which a run without --case leaves out.
--workers: packet workers of the daemons in scenarios (1).
--harness: strongSwan plays both parts. Exit 77 means skipped, with the reason.
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import arbitration, children, closed, cycles, direct, dosp, encryption, gateways, isolation, machine_store, modes, nat_ports, owners, paths, refusals, sallyport, soak, space, stranger, timeouts, traffic, workers
from lab.scenario import Case, play

# Groups of scenarios, with the label of that name.
SCENARIOS = (isolation, owners, direct, machine_store, encryption, gateways, nat_ports, arbitration, timeouts, cycles)

CASES = [
    Case("psk-v4-native", outer="v4", encap=False),
    Case("psk-v6-native", outer="v6", cipher="cbc", encap=False),
    Case("psk-v4-no-local", outer="v4", encap=False, east_knows_itself=False),
    Case("psk-v6-no-local", outer="v6", encap=False, east_knows_itself=False),
    Case("ecdsa-v4-nat-no-local", outer="v4", nat=True, auth="ecdsa", encap=False, east_knows_itself=False),
    # Padded packets leave one by one: no train, and no length of a segment.
    Case("psk-v4-native-padded", outer="v4", encap=False, child={"tfc": {"pad": 600}}),
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
SKIPPED = 77


def main(arguments):
    if "--list" in arguments:
        print("\n".join([*(case.name for case in CASES), *refusals.NAMES, *children.NAMES, *closed.NAMES, *dosp.NAMES, *modes.NAMES, *paths.NAMES, *stranger.NAMES, *workers.NAMES, soak.NAME, soak.WORKERS]))
        return 0
    if "--list-scenarios" in arguments:
        print("\n".join(name for group in SCENARIOS for name in group.NAMES))
        return 0
    harness = "--harness" in arguments
    why_not = space.available() or (None if traffic.tool() else "seqflow is not built") or (None if harness else sallyport.available())
    if why_not:
        print(f"skipped: {why_not}")
        return SKIPPED
    space.sweep()
    space.Lab.workers = int(arguments[arguments.index("--workers") + 1]) if "--workers" in arguments else 1
    names = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--case"]
    kind, keep, failed = ("strongswan" if harness else "sallyport"), "--keep" in arguments, 0
    for case in CASES:
        if names and case.name not in names:
            continue
        passed, text = play(case, kind, kind, keep)
        print(f"{'ok  ' if passed else 'FAIL'} {case.name}: {text}", flush=True)
        failed += not passed
    for group in () if harness else (refusals, children, closed, dosp, modes, paths, stranger, workers):
        for name in group.NAMES:
            if names and name not in names:
                continue
            passed, text = group.play(name, keep)
            print(f"{'ok  ' if passed else 'FAIL'} {name}: {text}", flush=True)
            failed += not passed
    for group in SCENARIOS:
        for name in group.NAMES:
            if name not in names:
                continue
            passed, text = group.play(name, keep)
            print(f"{'ok  ' if passed else 'FAIL'} {name}: {text}", flush=True)
            failed += not passed
    if not names or soak.NAME in names:
        passed, text = soak.play(kind, kind, keep=keep)
        print(f"{'ok  ' if passed else 'FAIL'} {soak.NAME}: {text}", flush=True)
        failed += not passed
    if not harness and (not names or soak.WORKERS in names):
        passed, text = soak.play(kind, kind, children=30, ikes=3, keep=keep, workers=2)
        print(f"{'ok  ' if passed else 'FAIL'} {soak.WORKERS}: {text}", flush=True)
        failed += not passed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
