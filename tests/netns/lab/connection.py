"""What two ends are to agree on, told once; strongswan.py and sallyport.py each write their own configuration from it."""
import dataclasses


@dataclasses.dataclass
class End:
    """One side. Addresses are those it uses or sees itself (before NAT)."""
    identity: str
    address: str
    nets: list
    certificate: str = ""
    key: str = ""
    user: str = ""   # who proves an identity beside the machine's, to an end that demands it
    user_certificate: str = ""
    user_key: str = ""


@dataclasses.dataclass
class Connection:
    """One IKE SA with one Child SA, seen from neither side: east and west.

    auth: "psk" or "cert". ike, esp: proposals, IANA-like keywords that both daemons share (aes128gcm16-prfsha256-x25519).
    *_seconds: lifetimes until a rekey, 0 for never. dpd: seconds between liveness checks, 0 for none.
    encap: force UDP encapsulation (strongSwan's userspace ESP always asks for it).
    """
    east: End
    west: End
    auth: str = "psk"
    secret: str = "a shared secret for tests only"
    ca: str = ""
    user_ca: str = ""
    ike: str = "aes256gcm16-prfsha256-x25519"
    esp: str = "aes128gcm16"
    ike_seconds: int = 0
    child_seconds: int = 0
    dpd: int = 0
    encap: bool = True
    prefer_udp: bool = False   # of both, where they are ours
    offloads: bool = True
    west_knows_east: bool = True   # false: west accepts the peer from any address (it sits behind a NAT)
    east_knows_itself: bool = True  # false: east's configuration names no address of its own
    name: str = "net"
    peer_mode: str = "tunnel"   # strongSwan's
    child: dict = dataclasses.field(default_factory=dict)   # keys of our daemon's child beside these; None takes one away

    def end(self, side):
        return self.east if side == "east" else self.west

    def other(self, side):
        return self.west if side == "east" else self.east
