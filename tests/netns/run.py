#!/usr/bin/python3
"""Our daemon on both ends, in network namespaces. Exit 77 means skipped, with the reason."""
import functools
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lab import arbitration, children, closed, command, cycles, direct, dosp, encryption, gateways, isolation, machine_store, modes, nat_ports, owners, paths, refusals, sallyport, soak, space, stranger, timeouts, traffic, workers
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
GROUPS = (refusals, children, closed, dosp, modes, paths, stranger, workers)


def of_groups(groups, keep):
    return {name: functools.partial(group.play, name, keep) for group in groups for name in group.NAMES}


def every_case(kind, keep):
    cases = {case.name: functools.partial(play, case, kind, kind, keep) for case in CASES}
    if kind == "sallyport":
        cases |= of_groups(GROUPS, keep)
    cases[soak.NAME] = functools.partial(soak.play, kind, kind, keep=keep)
    if kind == "sallyport":
        cases[soak.WORKERS] = functools.partial(soak.play, kind, kind, children=30, ikes=3, keep=keep, workers=2)
    return cases


def main():
    words = command.parser(__doc__)
    words.add_argument("--list-scenarios", action="store_true",
                       help="print the names of the cases of isolation policies, which a run without --case leaves out")
    words.add_argument("--harness", action="store_true", help="strongSwan plays both parts")
    words.add_argument("--workers", type=int, default=1, help="packet workers of the daemons in scenarios (default: 1)")
    asked = words.parse_args()
    cases, scenarios = every_case("strongswan" if asked.harness else "sallyport", asked.keep), of_groups(SCENARIOS, asked.keep)
    if asked.list or asked.list_scenarios:
        print("\n".join(cases if asked.list else scenarios))
        return 0
    command.refuse_unknown(words, asked.case, [*cases, *scenarios])
    why_not = space.available() or (None if traffic.tool() else "seqflow is not built") or (None if asked.harness else sallyport.available())
    if why_not:
        print(f"skipped: {why_not}")
        return command.SKIPPED
    space.sweep()
    space.Lab.workers = asked.workers
    failed = command.play(cases, asked.case) + (command.play(scenarios, asked.case) if asked.case else 0)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
