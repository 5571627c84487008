"""What the judges of sealed packets share: sa_tool behind a pipe, and inner packets made here, with checksums of our own counting."""
import ipaddress
import struct
import subprocess

LEFT = {4: "192.0.2.1", 6: "2001:db8::1"}
RIGHT = {4: "192.0.2.2", 6: "2001:db8::2"}
INNER_LEFT = {4: "10.1.0.1", 6: "fd01::1"}
INNER_RIGHT = {4: "10.2.0.1", 6: "fd02::1"}
SIZES = (0, 1, 2, 3, 13, 14, 15, 64, 1200)


class Tool:
    """One SA in sa_tool. protocol: esp ah. first: the sequence number before the first packet's."""

    def __init__(self, program, verb, protocol, mode, encr, bits, integ, esn=False, outer=4, inner=4, udp=False, first=0):
        words = [verb, protocol, mode, encr, bits, integ, "esn" if esn else "no-esn", outer, inner, "udp" if udp else "native", first]
        self.process = subprocess.Popen([program, *map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 3:
            raise RuntimeError(f"sa_tool gave no keys for {words}")
        self.key, self.integ_key = (b"" if word == "-" else bytes.fromhex(word) for word in line[:2])
        self.spi = int(line[2])

    def ask(self, packet):
        """The packet that comes out, or the name of the drop reason as text."""
        self.process.stdin.write(packet.hex() + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline().strip()
        try:
            return bytes.fromhex(said)
        except ValueError:
            return said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_header(source, destination, protocol, octets, options=b"", identification=0, ttl=64, tos=0, df=True):
    """An IP header in front of `octets` of payload. options: IPv4 options, or extension headers of IPv6 whose first octets already name
    what follows; then `protocol` is the first of them."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28 | tos << 20, octets + len(options), protocol, ttl) + source.packed + destination.packed + options
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, tos, 20 + len(options) + octets, identification, 0x4000 if df else 0, ttl, protocol, 0)
    head += source.packed + destination.packed + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def udp(source, destination, payload):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    head = struct.pack("!HHHH", 47001, 47002, 8 + len(payload), 0)
    if source.version == 4:
        pseudo = source.packed + destination.packed + struct.pack("!BBH", 0, 17, 8 + len(payload))
    else:
        pseudo = source.packed + destination.packed + struct.pack("!IHBB", 8 + len(payload), 0, 0, 17)
    return head[:6] + struct.pack("!H", checksum(pseudo + head + payload) or 0xFFFF) + payload


def inner_packet(mode, outer, inner, size, options=b"", first=17, **header):
    """What goes into the SA: between the hosts themselves in transport mode."""
    ends = (LEFT[outer], RIGHT[outer]) if mode == "transport" else (INNER_LEFT[inner], INNER_RIGHT[inner])
    body = udp(*ends, bytes(i % 256 for i in range(size)))
    header.setdefault("identification", 0x1111)
    return ip_header(*ends, first, len(body), options, **header) + body


def run(cases, judge):
    """Judges every case; prints one line each. Exit code."""
    failed = 0
    for name, arguments in cases:
        try:
            wrong = judge(*arguments)
        except Exception as problem:  # whatever the judge throws is its verdict
            wrong = [f"{type(problem).__name__}: {problem}"]
        failed += bool(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {name}" + "".join(f"\n       {w}" for w in wrong[:5]))
    print(f"{len(cases)} combinations, {failed} failed")
    return 1 if failed or not cases else 0
