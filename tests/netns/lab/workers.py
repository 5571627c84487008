"""Two packet workers at each end, and an SA that lives where its packets do not arrive: they cross from worker to worker.

The raw sockets of native ESP and AH are the first worker's, and errors of ICMP come to the keying thread; the SA is rekeyed until both
ends have it with the second worker. Then traffic must pass, both ways handed over, nothing lost in between and nothing counted as damage.
An SA between two hosts has its worker by their addresses, and keeps that through rekeys.
"""
import time

from . import capture, paths
from .modes import Failure, Mode, Stage, logs_of
from .space import Lab, wait_until

AH = {"ah": ["sha256-esn"], "esp": None}
HOST = {"mode": "transport", "local": None, "remote": None}
WORKERS = 2
MODES = [
    Mode("workers-esp-v4", "tunnel", "v4", (("net", {}),), ("esp",), workers=WORKERS),
    Mode("workers-esp-v6", "tunnel", "v6", (("net", {"esp": ["aes256-sha256"]}),), ("esp",), workers=WORKERS),
    Mode("workers-encap-v6", "tunnel", "v6", (("net", {}),), ("esp-udp",), encap=True, workers=WORKERS),
    Mode("workers-ah-v4", "tunnel", "v4", (("net", AH),), ("ah",), workers=WORKERS),
    Mode("workers-ah-transport-v6", "host", "v6", (("net", {**HOST, **AH}),), ("ah",), workers=WORKERS),
    Mode("workers-transport-v4", "host", "v4", (("net", HOST),), ("esp",), workers=WORKERS),
]
ERRORS = [paths.Path("workers-path-mtu-v4", workers=WORKERS), paths.Path("workers-path-mtu-v6", "v6", workers=WORKERS),
          paths.Path("workers-path-mtu-v4-encap", encap=True, workers=WORKERS),
          paths.Path("workers-path-mtu-v4-ah", child=paths.AH, workers=WORKERS)]
DAMAGE = ("bad_icv", "replay", "behind_window", "no_sa", "selector_mismatch", "icmp_not_ours", "runt", "malformed_inner")
ATTEMPTS = 40   # each time both ends have it there with one chance in four


def _worker_of_sa(end):
    """The worker that has the only Child SA of this end, by its inbound SPI; None while two are there."""
    children = [child for ike in end.status().get("ike_sas", []) for child in ike["children"]]
    return int(children[0]["spi_in"], 16) % WORKERS if len(children) == 1 else None


def _move(east, west, to, attempts=ATTEMPTS):
    """Rekeys until the SA of both ends is with the worker `to`."""
    for _ in range(attempts + 1):
        wait_until(lambda: all(_worker_of_sa(end) is not None for end in (east, west)), 10, "one SA alone")
        if all(_worker_of_sa(end) == to for end in (east, west)):
            return
        before = _spi(east)
        east.rekey("child")
        wait_until(lambda: _spi(east) not in (before, None), 10, "the successor")
    raise Failure(f"after {attempts} rekeys the SA was never with worker {to} at both ends")


def _spi(end):
    children = [child for ike in end.status().get("ike_sas", []) for child in ike["children"]]
    return children[0]["spi_in"] if len(children) == 1 else None


def _judge(ends, before, encap):
    for end, first in zip(ends, before):
        status = end.status()
        drops, counters = dict(status["drops"]), status["counters"]
        damage = {name: count for name, count in drops.items() if count and name in DAMAGE}
        lost = {name: counters[name] for name in ("hand_over_full", "no_socket", "send_refused", "device_refused") if counters[name]}
        if damage or lost:
            raise Failure(f"{end.side} dropped {damage} and counted {lost}")
        # ESP in UDP is brought to its worker by the kernel; what the TUN device hands to the other one still crosses.
        if counters["handed_over"] <= first and not encap:
            raise Failure(f"{end.side} handed nothing over: packets came to the right worker, and the case shows nothing")


def _mode_case(lab, mode):
    stage = Stage(lab, mode)
    east, west = stage.ends["east"], stage.ends["west"]
    wire = capture.Capture(stage.plan.east, "wan", name="wire")
    since = time.time()
    for end in (west, east):
        end.start()
    inner = capture.Capture(stage.plan.east, "sallyport0")
    done = east.up()
    if done.returncode != 0:
        raise Failure(f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-600:]}")
    home = None if mode.kind == "tunnel" else _worker_of_sa(east)
    for worker in (1, 0) if home is None else (home,):
        if home is not None:
            east.rekey("child")
        _move(east, west, worker, ATTEMPTS if home is None else 0)
        before = [end.status()["counters"]["handed_over"] for end in (east, west)]
        stage.require_traffic(f"with the SA at worker {worker}")
        # The first worker reads what comes in, so its own SAs need no hand-over.
        if worker == 1:
            _judge((east, west), before, mode.encap)
    stage.require_closed(wire, since, "from the start to the end")
    counts = stage.judge(wire.stop(), inner.stop(), east.keys)
    handed = [end.status()["counters"]["handed_over"] for end in (east, west)]
    return f"handed over {handed[0]} and {handed[1]}; wire: " + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _error_case(lab, path):
    road = paths.Road(lab, path, path.small)
    _move(road.east, road.west, 1)
    text = paths.mtu_case(road)
    _judge((road.east, road.west), (-1, -1), True)
    return text


def _copies(end):
    """worker -> how many per-resource copies it has (RFC 9611), by inbound SPI."""
    found = {}
    for ike in end.status().get("ike_sas", []):
        for child in ike["children"]:
            if child.get("resource") is not None:
                found.setdefault(int(child["spi_in"], 16) % WORKERS, []).append(child["resource"])
    return found


def _copies_case(lab, mode):
    """Many flows fall to both workers; the one without the SA gets a copy of its own, and then hands nothing over any more."""
    stage = Stage(lab, mode)
    ends = [stage.ends[side] for side in ("east", "west")]
    for end in reversed(ends):
        end.start()
    done = ends[0].up()
    if done.returncode != 0:
        raise Failure(f"the tunnel did not come up: {(done.stdout + done.stderr).strip()[-600:]}")
    if any(_copies(end) for end in ends):
        raise Failure("there were copies before anybody wanted one")

    def talk():
        # Each ping is a flow of its own: the device spreads them over its queues.
        for _ in range(24):
            if stage.ping("east", 1) != 1:
                raise Failure("an echo request was not answered")
        stage.require_traffic("while copies are made")
        for end in ends:
            # Where the worker of the first SA carries nothing that is to be handed over, no copy is needed there.
            if not _copies(end):
                return False
        return True
    wait_until(talk, 60, "copies at both ends", pause=0.2)
    owner = {end.side: {int(child["spi_in"], 16) % WORKERS for ike in end.status()["ike_sas"] for child in ike["children"]} for end in ends}
    lacking = {side: workers for side, workers in owner.items() if len(workers) < WORKERS}

    def settled():
        before = [end.status()["counters"]["handed_over"] for end in ends]
        stage.require_traffic("with copies")
        return [end.status()["counters"]["handed_over"] for end in ends] == before
    if not lacking:
        wait_until(settled, 60, "every worker to send on an SA of its own")
    _judge(ends, (-1, -1), True)
    return f"copies {[_copies(end) for end in ends]}, workers with an SA {owner}"


COPIES = Mode("workers-copies", "tunnel", "v4", (("net", {"resources": 2}),), ("esp-udp",), encap=True, workers=WORKERS)
CASES = {COPIES.name: (_copies_case, COPIES), **{mode.name: (_mode_case, mode) for mode in MODES}, **{path.name: (_error_case, path) for path in ERRORS}}
NAMES = list(CASES)


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    begun = time.monotonic()
    case, what = CASES[name]
    with Lab(keep=keep) as lab:
        try:
            text = case(lab, what)
            return True, f"{time.monotonic() - begun:.1f} s; {text}"
        except Exception as why:  # every failure is reported with the logs, whatever raised it
            return False, f"{type(why).__name__}: {why}\n{logs_of(lab)}"
