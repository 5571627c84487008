"""Many rekeys under steady traffic, and the count of what was lost: 100 Child SA and 10 IKE SA rekeys, 5 000 packets/s each way.

With two packet workers at each end successors fall to the one or the other, and packets cross between them."""
import time

from .scenario import Case, Failure, Scenario
from .space import Lab

NAME = "rekey-soak"
WORKERS = "rekey-soak-workers"


def play(ours, peer, pps=5000, children=100, ikes=10, keep=False, workers=1):
    """Our end starts every rekey. Returns (passed, text) with the count of each direction."""
    try:
        return _run(ours, peer, pps, children, ikes, keep, workers)
    except (Failure, RuntimeError, TimeoutError, ValueError) as why:
        return False, f"{type(why).__name__}: {why}"


def _run(ours, peer, pps, children, ikes, keep, workers):
    case = Case(NAME, encap="strongswan" in (ours, peer), pfs=True, pps=pps, offloads=True, workers=workers)
    with Lab(keep=keep) as lab:
        scenario = Scenario(lab, case, ours, peer)
        done = scenario.starter().up()
        if done.returncode != 0:
            return False, f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-400:]}"
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
            ways = flow.finish()
        text = f"{made} Child SA and {ikes} IKE SA rekeys in {time.monotonic() - begun:.1f} s"
        for way, count in zip(("east to west", "west to east"), ways):
            text += f"; {way} {count.sent} sent, {count.lost} lost, {count.duplicates} twice, {count.corrupt} damaged"
        return made == children and not any(count.lost or count.corrupt for count in ways), text
