"""scapy in the peer's place: the SA is negotiated by two daemons, one of them is killed, and scapy goes on with its keys. Our open path
takes what scapy seals from the wire, and scapy opens what the host answers; a copy and a damaged packet are told apart."""
import sys
import time

from . import capture, judges
from .closed import FORGE
from .modes import Failure, Mode, Stage, TRANSPORT, logs_of
from .space import Lab, wait_until

AH = {"ah": ["sha256"], "esp": None}
MODES = [Mode("scapy-esp-tunnel-v4", "tunnel", "v4", (("net", {}),), ("esp",)),
         Mode("scapy-esp-tunnel-v6", "tunnel", "v6", (("net", {"esp": ["aes256-sha256"]}),), ("esp",)),
         Mode("scapy-esp-transport-v4", "host", "v4", (("net", TRANSPORT),), ("esp",)),
         Mode("scapy-esp-transport-v6", "host", "v6", (("net", TRANSPORT),), ("esp",)),
         Mode("scapy-ah-tunnel-v4", "tunnel", "v4", (("net", AH),), ("ah",)),
         Mode("scapy-ah-transport-v6", "host", "v6", (("net", {**TRANSPORT, **AH}),), ("ah",))]
NAMES = [mode.name for mode in MODES]


def _question(stage, number):
    from scapy.layers.inet import ICMP, IP
    from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
    from scapy.packet import Raw
    source, destination, data = stage.pair["west"], stage.pair["east"], b"asked by scapy".ljust(100, b".")
    if ":" in source:
        return IPv6(bytes(IPv6(src=source, dst=destination) / ICMPv6EchoRequest(id=77, seq=number, data=data)))
    return IP(bytes(IP(src=source, dst=destination, flags="DF") / ICMP(id=77, seq=number) / Raw(data)))


def _run(stage):
    from scapy.config import conf
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    conf.verb = 0
    plan, east = stage.plan, stage.ends["east"]
    wire = capture.Capture(plan.east, "wan", name="wire")
    stage.ends["west"].start()
    east.start()
    if east.up().returncode != 0 or stage.ping("east", 1) != 1:
        raise Failure("the two daemons do not agree")
    child = east.status()["ike_sas"][0]["children"][0]
    associations = judges.associations_of(east.keys, stage.mode.kind == "tunnel")
    inbound = associations[int(child["spi_in"], 16)]
    if inbound.tunnel_header is not None:
        inbound.tunnel_header = (IPv6 if stage.mode.outer == "v6" else IP)(src=plan.west_address, dst=plan.east_address)
    stage.ends["west"].kill()
    mac = plan.east.ip("link show dev wan").split("link/ether ")[1].split()[0]

    def send(packet):
        plan.west.run([sys.executable, FORGE, "frame", "wan", mac, plan.west_address, plan.east_address, 0, packet.hex()])
    since = time.time()
    good = bytes(inbound.encrypt(_question(stage, 1), seq_num=5000))
    send(good)
    send(good)
    damaged = bytearray(bytes(inbound.encrypt(_question(stage, 2), seq_num=5001)))
    damaged[-1] ^= 1
    send(bytes(damaged))

    def counted():
        drops = dict(east.status()["drops"])
        return drops.get("replay") == 1 and drops.get("bad_icv") == 1
    try:
        wait_until(counted, 5, "one replay and one wrong ICV")
    except TimeoutError as why:
        raise Failure(f"{why}: {east.status()['drops']}") from None
    wire.stop()
    answers = []
    for seconds, link, data in capture.packets(wire.path):
        kind, packet = capture.network_layer(link, data)
        if seconds < since or capture.classify(kind, packet) not in ("esp", "ah") or str(capture.dissect(kind, packet)[0]) != plan.east_address:
            continue
        opened = bytes(associations[int(child["spi_out"], 16)].decrypt((IP if kind == capture.IPV4 else IPv6)(packet)))
        at = 20 if opened[0] >> 4 == 4 else 40
        answers.append((opened[at], opened[at + 8:].rstrip(b".")))
    if answers != [(129 if ":" in stage.pair["east"] else 0, b"asked by scapy")]:
        raise Failure(f"scapy read these answers: {answers}")
    return "asked and answered"


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    begun = time.monotonic()
    with Lab(keep=keep) as lab:
        try:
            text = _run(Stage(lab, next(mode for mode in MODES if mode.name == name)))
            return True, f"{time.monotonic() - begun:.1f} s; {text}"
        except Exception as why:  # every failure is reported with the logs, whatever raised it
            return False, f"{type(why).__name__}: {why}\n{logs_of(lab)}"
