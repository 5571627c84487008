"""Handshakes: CPU milliseconds each, and how many a second, for both roles, beside charon started the same way."""
import frame
from handshake_lab import Daemons
from lab import peers, space
from lab.space import Lab

COUNT = {"psk": 400, "ecdsa": 300, "rsa": 200}
TEXT = {"psk": "PSK, X25519", "ecdsa": "ECDSA P-256, X25519", "rsa": "RSA-2048, MODP-2048"}
GOAL = {"psk": "<= 0.25", "ecdsa": "<= 0.5", "rsa": "<= 0.5"}


def _measure(kind, setting):
    if why := space.available():
        raise frame.Unmeasurable(why)
    frame.tool("handshake_driver")
    space.sweep()
    ours, theirs = [], []
    with Lab(setting.keep) as our_lab, Lab(setting.keep) as their_lab:
        own = Daemons(our_lab, "sallyport", kind)
        try:
            charon = Daemons(their_lab, "charon", kind)
        except peers.Unavailable as why:
            setting.say(f"no strongSwan: {why}")
            charon = None
        count = COUNT[kind]
        for daemons in filter(None, (own, charon)):
            daemons.handshakes(count // 4)   # caches, first allocations
        for number in range(setting.rounds):
            ours.append(own.handshakes(count))
            if charon:
                theirs.append(charon.handshakes(count))
            told = [", ".join(f"{value:.3g}" for value in rounds[-1]) for rounds in (ours, theirs) if rounds]
            setting.say(f"handshake-{kind} {number + 1}/{setting.rounds}: initiator ms, responder ms, per second: {' against '.join(told)}")
    rows = []
    for index, (what, unit, goal) in enumerate((("initiator", "CPU ms", GOAL[kind]), ("responder", "CPU ms", GOAL[kind]),
                                                ("both ends", "handshakes/s", ""))):
        own_rounds, their_rounds = [[one[index] for one in rounds] for rounds in (ours, theirs)]
        name = f"handshake {TEXT[kind]}, {what}"
        if theirs:
            rows.append(frame.compared(name, unit, own_rounds, "charon", their_rounds, goal))
        else:
            rows.append(frame.Row(name, unit, sorted(own_rounds)[len(own_rounds) // 2], note="no strongSwan at hand"))
    return rows


MEASUREMENTS = [frame.Measurement(f"handshake-{kind}", lambda setting, kind=kind: _measure(kind, setting),
                                  targets=("sallyportd", "sallyport", "handshake_driver"), peers=("strongswan",)) for kind in COUNT]
