#!/usr/bin/python3
"""Interoperability with strongSwan 5.9.8 (kernel-libipsec) in network namespaces. Exit 77 means skipped, with the reason."""
import functools
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))
from lab import command, declines, peers, sallyport, soak, space, traffic
from lab.scenario import Case, play

ESP_WORDS = ["aes128gcm8", "aes256gcm12", "aes192gcm16", "aes128ccm8", "aes256ccm12", "aes192ccm16", "aes128ctr-sha256", "aes256ctr-sha512",
             "aes128-sha1", "aes192-sha384", "aes256-sha512", "aes128-aesxcbc", "aes128-aescmac", "null-sha256", "3des-sha1"]

# Role x outside x NAT x authentication x cipher, every pair of values in at least one row (self_test() counts).
CASES = [
    Case("psk-gcm-peer-v4-nat", "peer", "v4", True, "psk", "gcm"),
    Case("psk-cbc-ours-v6", "ours", "v6", False, "psk", "cbc"),
    Case("psk-chacha-peer-v6", "peer", "v6", False, "psk", "chacha"),
    Case("rsa-gcm-peer-v6", "peer", "v6", False, "rsa", "gcm"),
    Case("rsa-cbc-peer-v4-nat", "peer", "v4", True, "rsa", "cbc"),
    Case("rsa-chacha-ours-v4-nat", "ours", "v4", True, "rsa", "chacha"),
    Case("ecdsa-gcm-peer-v6-nat", "peer", "v6", True, "ecdsa", "gcm"),
    Case("ecdsa-cbc-ours-v4-nat", "ours", "v4", True, "ecdsa", "cbc"),
    Case("ecdsa-chacha-ours-v6", "ours", "v6", False, "ecdsa", "chacha"),
    Case("ed25519-gcm-ours-v6-nat", "ours", "v6", True, "ed25519", "gcm"),
    Case("ed25519-cbc-peer-v4-nat", "peer", "v4", True, "ed25519", "cbc"),
    Case("ed25519-chacha-peer-v4", "peer", "v4", False, "ed25519", "chacha"),
    # Every ESP algorithm that strongSwan's user-space ESP has, one case each; the peer reports what it negotiated.
    *(Case(f"esp-{words}", "ours" if number % 2 else "peer", esp=words) for number, words in enumerate(ESP_WORDS)),
    # What happens to a tunnel that stands, by each side, each side having started it.
    Case("rekey-ours-started-ours", "ours", steps=("rekey-child:ours", "rekey-ike:ours", "rekey-child:ours"), pfs=True),
    Case("rekey-peer-started-ours", "ours", steps=("rekey-child:peer", "rekey-ike:peer", "rekey-child:peer"), pfs=True),
    Case("rekey-ours-started-peer", "peer", cipher="cbc", steps=("rekey-child:ours", "rekey-ike:ours", "rekey-child:peer")),
    Case("rekey-both-nat", "ours", "v4", True, cipher="chacha", steps=("rekey-ike:peer", "rekey-child:ours", "rekey-ike:ours"), pfs=True),
    Case("delete-child-ours", "ours", steps=("delete-child:ours",)),
    Case("delete-child-peer", "ours", steps=("delete-child:peer",)),
    Case("delete-ike-ours", "peer", steps=("delete-ike:ours",)),
    Case("delete-ike-peer", "peer", steps=("delete-ike:peer",)),
    Case("restart-peer", "ours", steps=("kill:peer",)),
    Case("restart-ours", "ours", steps=("kill:ours",)),
    # A user beside the machine (RFC 4739): of whoever starts, of the other, of both; by certificates and behind a shared secret.
    Case("user-ours-starts", "ours", auth="psk", users="east"),
    Case("user-peer-starts", "peer", "v6", auth="rsa", users="east"),
    Case("user-ours-answers", "peer", auth="ecdsa", users="west"),
    Case("user-peer-answers", "ours", "v6", auth="ecdsa", users="west"),
    Case("users-both-ours-starts", "ours", "v6", auth="ecdsa", users="both", steps=("rekey-ike:ours", "rekey-child:peer")),
    Case("users-both-peer-starts", "peer", "v4", True, auth="rsa", users="both", steps=("rekey-ike:peer", "rekey-child:ours")),
]


def self_test():
    """Every pair of values of two columns occurs in the first part of the table."""
    rows = [(case.starter, case.outer, case.nat, case.auth, case.cipher) for case in CASES if not case.steps and not case.esp and not case.users]
    for i in range(5):
        for j in range(i):
            wanted = {(a, b) for a in {row[i] for row in rows} for b in {row[j] for row in rows}}
            assert {(row[i], row[j]) for row in rows} == wanted, f"columns {j} and {i} are not covered pairwise"
    assert len({case.name for case in CASES}) == len(CASES)


def every_case(ours, keep):
    cases = {case.name: functools.partial(play, case, ours, "strongswan", keep=keep) for case in CASES}
    if ours == "sallyport":
        cases |= {name: functools.partial(declines.play, name, keep) for name in declines.NAMES}
    return cases


def main():
    self_test()
    words = command.parser(__doc__)
    words.add_argument("--harness", action="store_true", help="strongSwan plays our part too, which proves the cases and judges themselves")
    words.add_argument("--soak", type=int, metavar="PPS", help="instead: 100 Child SA and 10 IKE SA rekeys that we start under PPS "
                       "packets/s each way, and the count of what was lost")
    asked = words.parse_args()
    ours = "strongswan" if asked.harness else "sallyport"
    cases = every_case(ours, asked.keep)
    if asked.list:
        print("\n".join(cases))
        return 0
    command.refuse_unknown(words, asked.case, cases)
    why_not = space.available() or (None if traffic.tool() else "seqflow is not built") or (None if asked.harness else sallyport.available())
    if why_not is None:
        try:
            peers.fetch("strongswan")
        except peers.Unavailable as why:
            why_not = f"strongSwan is not to be had: {why}"
    if why_not:
        print(f"skipped: {why_not}")
        return command.SKIPPED
    space.sweep()
    if asked.soak is not None:
        cases = {soak.NAME: functools.partial(soak.play, ours, "strongswan", pps=asked.soak, keep=asked.keep)}
    return 1 if command.play(cases, () if asked.soak is not None else asked.case) else 0


if __name__ == "__main__":
    sys.exit(main())
