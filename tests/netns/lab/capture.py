"""What is on the wire: tcpdump in a host's namespace, and judges of the file it leaves.

census() reads the pcap itself, so that "only IKE and ESP" is decided by bytes and not by a dissector's guess.
"""
import collections
import ipaddress
import signal
import struct
import time

from .space import end_process, wait_until

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
UDP, ICMP, IGMP, ICMPV6, ESP, AH = 17, 1, 2, 58, 50, 51


class Capture:
    """tcpdump on one device of a host from construction to stop(). The file is `path`."""

    def __init__(self, host, device, name=None, expression=""):
        self.path = host.folder / f"{name or device}.pcap"
        self.path.unlink(missing_ok=True)
        # In immediate mode the ring has slots of the snapshot length: a small one is what keeps bursts from being dropped.
        argv = ["tcpdump", "-i", device, "-n", "-U", "--immediate-mode", "-B", "32768", "-s", "4096", "-Z", "root", "-w", self.path]
        self.process = host.start([*argv, *expression.split()], log=f"tcpdump-{device}.log")
        wait_until(lambda: self.path.exists() and self.path.stat().st_size >= 24, 30, f"tcpdump on {device}")

    def stop(self):
        if self.process.poll() is None:
            time.sleep(0.3)  # what the kernel still holds reaches tcpdump
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except Exception:
                end_process(self.process)
        return self.path


def packets(path):
    """Yields (seconds, link type, bytes) of a pcap file."""
    with open(path, "rb") as file:
        head = file.read(24)
        magic = head[:4]
        order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        scale = 1e-9 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
        link = struct.unpack(order + "I", head[20:24])[0] & 0xFFFF
        while True:
            record = file.read(16)
            if len(record) < 16:
                return
            seconds, fraction, length, _ = struct.unpack(order + "IIII", record)
            data = file.read(length)
            if len(data) < length:
                return
            yield seconds + fraction * scale, link, data


def network_layer(link, data):
    """(ethertype, packet) of a captured frame; Ethernet, raw IP or Linux cooked."""
    if link == 1:
        return struct.unpack("!H", data[12:14])[0], data[14:]
    if link in (12, 101, 228, 229):
        return (IPV6 if data[0] >> 4 == 6 else IPV4), data
    if link == 113:
        return struct.unpack("!H", data[14:16])[0], data[16:]
    if link == 276:
        return struct.unpack("!H", data[0:2])[0], data[20:]
    return 0, data


def dissect(ethertype, packet):
    """(source, destination, protocol, payload) of an IP packet, extension headers walked; None for anything else."""
    if ethertype == IPV4 and len(packet) >= 20:
        header = (packet[0] & 15) * 4
        total = struct.unpack("!H", packet[2:4])[0] or len(packet)
        fragment = struct.unpack("!H", packet[6:8])[0] & 0x1FFF
        protocol = packet[9] if fragment == 0 else -packet[9]
        return ipaddress.ip_address(packet[12:16]), ipaddress.ip_address(packet[16:20]), protocol, packet[header:total]
    if ethertype == IPV6 and len(packet) >= 40:
        protocol, at = packet[6], 40
        while protocol in (0, 43, 60) and len(packet) >= at + 8:
            protocol, at = packet[at], at + 8 + packet[at + 1] * 8
        if protocol == 44 and len(packet) >= at + 8:
            offset = struct.unpack("!H", packet[at + 2:at + 4])[0] >> 3
            protocol, at = (packet[at] if offset == 0 else -packet[at]), at + 8
        return ipaddress.ip_address(packet[8:24]), ipaddress.ip_address(packet[24:40]), protocol, packet[at:]
    return None


def classify(ethertype, packet):
    """The kind of one frame: ike, esp, ah, esp-udp, keepalive, neighbour (ARP, ND, IGMP, MLD), icmp-error, fragment, or clear: …"""
    if ethertype == ARP:
        return "neighbour"
    found = dissect(ethertype, packet)
    if found is None:
        return f"clear: ethertype {ethertype:#06x}"
    source, destination, protocol, payload = found
    if protocol in (ESP, AH):
        return "esp" if protocol == ESP else "ah"
    if protocol == UDP and len(payload) >= 8:
        ports, body = struct.unpack("!HH", payload[:4]), payload[8:]
        # Behind a NAT one of the two ports is translated; the other still is the daemon's.
        if 500 in ports:
            return "ike"
        if 4500 in ports:
            if body == b"\xff":
                return "keepalive"
            return "ike" if body[:4] == b"\0\0\0\0" else "esp-udp"
    if protocol == IGMP and destination.is_multicast:
        return "neighbour"  # the kernel tells its link which groups it wants: no traffic of anybody
    if protocol == ICMPV6 and payload and payload[0] in (130, 131, 132, 133, 134, 135, 136, 143):
        return "neighbour"
    if protocol in (ICMP, ICMPV6) and payload and payload[0] in ((3, 11, 12) if protocol == ICMP else (1, 2, 3, 4)):
        return "icmp-error"
    if protocol < 0:
        return "fragment" if -protocol in (UDP, ESP, AH) else f"clear: fragment of protocol {-protocol}"
    return f"clear: {source} > {destination} protocol {protocol}"


def census(path):
    """Counter of kinds over a capture."""
    counts = collections.Counter()
    for _, link, data in packets(path):
        counts[classify(*network_layer(link, data))] += 1
    return counts


def sealed(path):
    """How many packets of ESP it holds, those in UDP among them."""
    counts = census(path)
    return counts["esp"] + counts["esp-udp"]


def clear_packets(path):
    """The kinds that must not be on the wire; empty when it holds only IKE, ESP and neighbour discovery."""
    return {kind: count for kind, count in census(path).items() if kind.startswith("clear")}


def ah_packets(path):
    """Whole IP packets with AH, in order of capture."""
    for _, link, data in packets(path):
        ethertype, packet = network_layer(link, data)
        if classify(ethertype, packet) == "ah":
            yield packet[:struct.unpack("!H", packet[2:4])[0]] if ethertype == IPV4 else packet[:40 + struct.unpack("!H", packet[4:6])[0]]


def esp_packets(path):
    """Yields (source, destination, ESP bytes) of both plain and UDP-encapsulated ESP, in order of capture."""
    for _, link, data in packets(path):
        ethertype, packet = network_layer(link, data)
        kind = classify(ethertype, packet)
        if kind in ("esp", "esp-udp"):
            source, destination, _, payload = dissect(ethertype, packet)
            yield source, destination, payload if kind == "esp" else payload[8:]
