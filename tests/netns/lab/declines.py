"""What strongSwan's user-space ESP declines: the user gets one clear sentence, or the tunnel that the configuration allows instead."""
import dataclasses
import re
import time

from .connection import Connection, End
from .pki import Authority
from .sallyport import Sallyport
from .space import Lab, Plan
from .strongswan import Strongswan


@dataclasses.dataclass
class Decline:
    """child: keys of our child. hosts: selectors are the hosts' own addresses. says: pattern of the command's sentence, "" where it comes
    up. peer: what strongSwan is configured for."""
    name: str
    child: dict
    says: str
    exit_code: int = 4
    hosts: bool = False
    peer_mode: str = "tunnel"
    demands_user: bool = False   # of the peer, which has none


TRANSPORT = {"mode": "transport", "local": None, "remote": None}

DECLINES = [
    # The peer answers with a tunnel, since RFC 7296 1.3.1 lets it decline by silence.
    Decline("decline-transport", TRANSPORT, r"we want transport mode for child net, the peer agrees to tunnel mode only", hosts=True),
    Decline("decline-transport-accepted", {**TRANSPORT, "accept_tunnel": True}, "", 0, hosts=True),
    # The peer is configured for it, agrees, and then cannot install it.
    Decline("decline-transport-late", TRANSPORT, r"the peer accepts none of our Child SA proposals: we asked for ESP aes128gcm16 in transport mode", hosts=True, peer_mode="transport"),
    # It pretends to be behind a NAT, always: AH ends there, before it is proposed.
    Decline("decline-ah", {"ah": ["sha256"], "esp": None}, r"child net is AH, which protects the addresses that a NAT between us and the peer changes"),
    # It takes part in a second authentication (RFC 4739), and has nobody to authenticate by it.
    Decline("decline-user", {}, r"the connection demands a user beside the machine, and the peer at \S+ proves none", 6, demands_user=True),
    Decline("decline-esn", {"esp": ["aes128gcm16-esn"]}, r"the peer accepts none of our Child SA proposals: we asked for ESP aes128gcm16-esn"),
]
NAMES = [decline.name for decline in DECLINES]


def _run(plan, decline):
    nets = ([plan.east_address + "/32"], [plan.west_address + "/32"]) if decline.hosts else (plan.nets["east"], plan.nets["west"])
    connection = Connection(End("east.example", plan.east_address, nets[0]), End("west.example", plan.west_address, nets[1]),
                            child=dict(decline.child), peer_mode=decline.peer_mode, encap="ah" not in decline.child)
    peer = Strongswan(plan.west, connection, "west", hosts=decline.hosts).start()
    if decline.demands_user:
        connection.west.user, connection.user_ca = "bob@west.example", Authority(plan.east.folder / "users").certificate
    ours = Sallyport(plan.east, connection, "east").start()
    done = ours.up()
    said, complaints = done.stdout + done.stderr, []
    if done.returncode != decline.exit_code:
        complaints.append(f"exit code {done.returncode}, expected {decline.exit_code}")
    if decline.says and not re.search(decline.says, said):
        complaints.append(f"the command does not say /{decline.says}/")
    if decline.says and not re.search(decline.says, ours.tail(50)):
        complaints.append(f"the log does not say /{decline.says}/:\n{ours.tail(20)}")
    if not decline.says:
        time.sleep(0.3)
        modes = [child["mode"] for ike in ours.status()["ike_sas"] for child in ike["children"]]
        if modes != ["tunnel"] or plan.east.ping(plan.west_address) != 3:
            complaints.append(f"status shows {modes}, expected one tunnel that carries pings")
    return [f"{complaint}\nit said: {said.strip()[-800:]}" for complaint in complaints] + ([peer.tail(30)] if complaints else []), said


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    with Lab(keep=keep) as lab:
        try:
            complaints, said = _run(Plan(lab), next(decline for decline in DECLINES if decline.name == name))
        except Exception as why:  # whatever raised it
            complaints, said = [f"{type(why).__name__}: {why}"], ""
    return not complaints, "\n".join(complaints) or " ".join(said.split()) or "as it should be"
