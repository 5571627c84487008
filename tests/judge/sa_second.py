#!/usr/bin/python3
"""A second implementation of ESP and AH, from the RFCs and the block ciphers of `cryptography`: it opens what we seal and seals what we
open, for what no other judge here knows (XCBC, GMAC in ESP and AH, implicit IV, 64-bit sequence numbers with separate integrity, mutable
options and extension headers under AH) and, so that it is judged itself, for what they know.

    sa_second.py SA_TOOL
"""
import hashlib
import hmac
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

try:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
    from cryptography.hazmat.primitives.cmac import CMAC
except ImportError as problem:
    print(f"skipped: {problem}")
    sys.exit(77)
from sa_wire import LEFT, RIGHT, SIZES, Tool, inner_packet, ip_header, run

ESP, AH = 50, 51


class Wrong(Exception):
    """The packet is not what the RFC asks for."""


def aes_block(key, block):
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(block)


def xcbc96(key, message):
    """RFC 3566 4."""
    k1, k2, k3 = (aes_block(key, bytes([n]) * 16) for n in (1, 2, 3))
    state = bytes(16)
    for at in range(0, max(len(message) - 1, 0) // 16 * 16, 16):
        state = aes_block(k1, bytes(a ^ b for a, b in zip(state, message[at:at + 16])))
    last = message[max(len(message) - 1, 0) // 16 * 16:]
    mask = k2 if len(last) == 16 else k3
    last = last if len(last) == 16 else (last + b"\x80").ljust(16, b"\0")
    return aes_block(k1, bytes(a ^ b ^ c for a, b, c in zip(state, last, mask)))[:12]


def cmac96(key, message):
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()[:12]


def cut_hmac(name, octets):
    return lambda key, message: hmac.new(key, message, getattr(hashlib, name)).digest()[:octets]


def gmac(key, iv, message):
    """RFC 4543 3.2: the last four octets of the key are the salt."""
    return AESGCM(key[:-4]).encrypt(key[-4:] + iv, b"", message)


# Integrity by its number in the registry: octets of the ICV, and how it is made.
INTEGRITY = {1: (12, cut_hmac("md5", 12)), 2: (12, cut_hmac("sha1", 12)), 5: (12, xcbc96), 8: (12, cmac96), 12: (16, cut_hmac("sha256", 16)),
             13: (24, cut_hmac("sha384", 24)), 14: (32, cut_hmac("sha512", 32))}
GMAC_AH = (9, 10, 11)


class Aead:
    """RFC 4106, 4309, 7634, 4543 and 8750. seal, open: of the octets behind the IV."""

    def __init__(self, encr, key):
        self.implicit = encr in (29, 30, 31)
        self.iv_octets = 0 if self.implicit else 8
        self.tag = {14: 8, 15: 12, 18: 8, 19: 12, 29: 8}.get(encr, 16)
        self.gmac = encr == 21
        ccm, chacha = encr in (14, 15, 16, 29), encr in (28, 31)
        salt = 3 if ccm else 4
        self.salt, bare = key[-salt:], key[:-salt]
        self.cipher = AESCCM(bare, tag_length=self.tag) if ccm else ChaCha20Poly1305(bare) if chacha else AESGCM(bare)
        self.short = encr in (18, 19)  # a GCM tag that is cut

    def seal(self, iv, aad, plain):
        if self.gmac:
            return plain + self.cipher.encrypt(self.salt + iv, b"", aad + iv + plain)
        sealed = self.cipher.encrypt(self.salt + iv, plain, aad)
        return sealed[:len(plain) + self.tag]

    def open(self, iv, aad, sealed):
        if self.gmac:
            plain = sealed[:-16]
            if self.cipher.encrypt(self.salt + iv, b"", aad + iv + plain) != sealed[-16:]:
                raise Wrong("GMAC tag")
            return plain
        if self.short:  # counter mode runs both ways; then the tag is made again and compared as far as it goes
            plain = self.cipher.encrypt(self.salt + iv, sealed[:-self.tag], aad)[:len(sealed) - self.tag]
            if self.seal(iv, aad, plain) != sealed:
                raise Wrong("cut tag")
            return plain
        try:
            return self.cipher.decrypt(self.salt + iv, sealed, aad)
        except InvalidTag:
            raise Wrong("tag") from None


class Separate:
    """A cipher with integrity beside it: RFC 3602, 3686, 2410, 2451 with RFC 4303 2.8."""

    def __init__(self, encr, key, integ, integ_key):
        self.encr, self.key, self.integ_key = encr, key, integ_key
        self.tag, self.mac = INTEGRITY[integ]
        self.iv_octets = {11: 0, 3: 8, 12: 16, 13: 8}[encr]
        self.block = {12: 16, 3: 8}.get(encr, 4)

    def crypt(self, iv, data, way):
        if self.encr == 11:
            return data
        if self.encr == 13:
            cipher = Cipher(algorithms.AES(self.key[:-4]), modes.CTR(self.key[-4:] + iv + b"\0\0\0\1"))
        else:
            cipher = Cipher((algorithms.AES if self.encr == 12 else algorithms.TripleDES)(self.key), modes.CBC(iv))
        step = cipher.encryptor() if way == "seal" else cipher.decryptor()
        return step.update(data) + step.finalize()


class Esp:
    """One SA of ESP as RFC 4303 describes it."""

    def __init__(self, tool, encr, integ, esn):
        self.spi, self.esn = tool.spi, esn
        self.separate = None if integ == 0 else Separate(encr, tool.key, integ, tool.integ_key)
        self.aead = Aead(encr, tool.key) if integ == 0 else None

    def aad(self, sequence):
        return struct.pack("!IQ" if self.esn else "!II", self.spi, sequence)

    def iv(self, sequence, explicit):
        return struct.pack("!Q", sequence) if self.aead.implicit else explicit

    def seal(self, sequence, plain, next_header):
        block = self.separate.block if self.separate else 4
        pad = -(len(plain) + 2) % block
        plain += bytes(range(1, pad + 1)) + bytes([pad, next_header])
        head = struct.pack("!II", self.spi, sequence & 0xFFFFFFFF)
        if self.aead:
            iv = struct.pack("!Q", sequence * 77 + 5)[:self.aead.iv_octets]
            return head + iv + self.aead.seal(self.iv(sequence, iv), self.aad(sequence), plain)
        iv = hashlib.sha256(struct.pack("!Q", sequence)).digest()[:self.separate.iv_octets]
        covered = head + iv + self.separate.crypt(iv, plain, "seal")
        return covered + self._icv(covered, sequence)

    def _icv(self, covered, sequence):
        return self.separate.mac(self.separate.integ_key, covered + (struct.pack("!I", sequence >> 32) if self.esn else b""))

    def open(self, esp, sequence):
        """(payload, next header); the packet must carry this number."""
        if esp[:8] != struct.pack("!II", self.spi, sequence & 0xFFFFFFFF):
            raise Wrong(f"SPI and sequence number {esp[:8].hex()}, expected number {sequence}")
        if self.aead:
            at = 8 + self.aead.iv_octets
            plain = self.aead.open(self.iv(sequence, esp[8:at]), self.aad(sequence), esp[at:])
        else:
            at, covered = 8 + self.separate.iv_octets, esp[:-self.separate.tag]
            if esp[-self.separate.tag:] != self._icv(covered, sequence):
                raise Wrong("ICV")
            plain = self.separate.crypt(esp[8:at], covered[at:], "open")
        pad, next_header = plain[-2], plain[-1]
        if plain[-2 - pad:-2] != bytes(range(1, pad + 1)):
            raise Wrong("padding")
        if len(plain) % 4:
            raise Wrong("the trailer does not end on four octets")
        return plain[:-2 - pad], next_header


def muted(head):
    """RFC 4302 3.3.3.1 and appendix A: the headers in front of AH with mutable fields zero."""
    out = bytearray(head)
    if out[0] >> 4 == 4:
        out[1] = 0
        out[6:9] = bytes(3)
        out[10:12] = bytes(2)
        at = 20
        while at < len(out):
            kind = out[at]
            octets = 1 if kind in (0, 1) else out[at + 1]
            if kind not in (0, 1, 130, 133, 134, 148, 149):  # appendix A1
                out[at:at + octets] = bytes(octets)
            at += octets
            if kind == 0:
                break
        return bytes(out)
    out[0:4] = b"\x60\0\0\0"
    out[7] = 0
    kind, at = out[6], 40
    while at < len(out):
        octets = (out[at + 1] + 1) * 8
        if kind in (0, 60):  # options: the third highest bit says that their data may change
            place = at + 2
            while place < at + octets:
                option = out[place]
                long = 1 if option == 0 else 2 + out[place + 1]
                if option & 0x20:
                    out[place + 2:place + long] = bytes(long - 2)
                place += long
        kind, at = out[at], at + octets
    return bytes(out)


class Ah:
    """One SA of AH as RFC 4302 and RFC 4543 4 describe it."""

    def __init__(self, tool, integ, esn):
        self.spi, self.esn, self.integ, self.key = tool.spi, esn, integ, tool.integ_key
        self.iv_octets, self.tag = (8, 16) if integ in GMAC_AH else (0, INTEGRITY[integ][0])

    def octets(self, version):
        align = 4 if version == 4 else 8
        return -(-(12 + self.iv_octets + self.tag) // align) * align

    def _icv(self, head, fixed, iv, padding, rest, sequence):
        covered = muted(head) + fixed + bytes(self.iv_octets + self.tag) + padding + rest
        if self.esn:
            covered += struct.pack("!I", sequence >> 32)
        return gmac(self.key, iv, covered) if self.iv_octets else INTEGRITY[self.integ][1](self.key, covered)

    def seal(self, head, next_header, rest, sequence):
        """head: ends where AH goes, and already names AH and counts everything."""
        octets = self.octets(head[0] >> 4)
        fixed = struct.pack("!BBHII", next_header, octets // 4 - 2, 0, self.spi, sequence & 0xFFFFFFFF)
        iv = struct.pack("!Q", sequence * 99 + 3)[:self.iv_octets]
        padding = bytes(octets - 12 - self.iv_octets - self.tag)
        return head + fixed + iv + self._icv(head, fixed, iv, padding, rest, sequence) + padding + rest

    def open(self, packet, at, sequence):
        """(what follows AH, next header)."""
        octets = self.octets(packet[0] >> 4)
        fixed, field, rest = packet[at:at + 12], packet[at + 12:at + octets], packet[at + octets:]
        if fixed[1:] != struct.pack("!BHII", octets // 4 - 2, 0, self.spi, sequence & 0xFFFFFFFF):
            raise Wrong(f"AH header {fixed.hex()}")
        iv, icv, padding = field[:self.iv_octets], field[self.iv_octets:self.iv_octets + self.tag], field[self.iv_octets + self.tag:]
        if icv != self._icv(packet[:at], fixed, iv, padding, rest, sequence):
            raise Wrong("ICV")
        return rest, fixed[0]


# Headers in front of IPsec in transport mode: IPv4 options (router alert stays, record route is mutable), and IPv6 hop-by-hop options, one
# whose data may change among them.
OPTIONS = {4: b"\x94\x04\0\0" + b"\x07\x07\x04" + bytes(4) + b"\0", 6: b"\x11\0\x3e\x02\xaa\xbb\x01\0"}


def protected(packet, mode, outer, protocol, octets_behind, tos=0):
    """The headers that stand in front of IPsec, naming `protocol`, over so many octets."""
    if mode == "tunnel":
        return ip_header(LEFT[outer], RIGHT[outer], protocol, octets_behind, identification=7, ttl=61, tos=tos)
    head = bytearray(packet[:head_octets(packet)])
    if outer == 4:
        return ip_header(LEFT[4], RIGHT[4], protocol, octets_behind, bytes(head[20:]), struct.unpack("!H", head[4:6])[0])
    head[4:6] = struct.pack("!H", len(head) - 40 + octets_behind)
    head[6 if len(head) == 40 else 40] = protocol
    return bytes(head)


def head_octets(packet):
    """Octets of the IP header and its options or hop-by-hop header."""
    if packet[0] >> 4 == 4:
        return (packet[0] & 15) * 4
    return 40 + ((packet[41] + 1) * 8 if packet[6] == 0 else 0)


def next_of(packet, mode):
    if mode == "tunnel":
        return 4 if packet[0] >> 4 == 4 else 41
    return 17


def judge(program, protocol, mode, encr, bits, integ, esn, outer, inner, first, options):
    wrong = []
    words = dict(esn=esn, outer=outer, inner=inner, first=first)

    def packets():
        for size in SIZES:
            extra = {"options": OPTIONS[outer], "first": 17 if outer == 4 else 0} if options else {}
            yield size, inner_packet(mode, outer, inner, size, **extra)

    with Tool(program, "seal", protocol, mode, encr, bits, integ, **words) as tool:
        sa = Esp(tool, encr, integ, esn) if protocol == "esp" else Ah(tool, integ, esn)
        for number, (size, packet) in enumerate(packets(), first + 1):
            wire = tool.ask(packet)
            if isinstance(wire, str):
                wrong.append(f"we refused to seal {size}: {wire}")
                continue
            at = head_octets(wire)
            try:
                inside, next_header = sa.open(wire[at:], number) if protocol == "esp" else sa.open(wire, at, number)
            except Wrong as why:
                wrong.append(f"what we sealed of {size}: {why}")
                continue
            expected = packet if mode == "tunnel" else packet[head_octets(packet):]
            if inside != expected or next_header != next_of(packet, mode):
                wrong.append(f"another packet of {size} was inside")
    with Tool(program, "open", protocol, mode, encr, bits, integ, **words) as tool:
        sa = Esp(tool, encr, integ, esn) if protocol == "esp" else Ah(tool, integ, esn)
        for number, (size, packet) in enumerate(packets(), first + 1):
            wire = forged(sa, protocol, mode, outer, packet, number)
            got = tool.ask(wire)
            if got != packet:
                wrong.append(f"what the judge sealed of {size} we answered with {got if isinstance(got, str) else got.hex()[:80]}")
            if (again := tool.ask(wire)) != "replay":
                wrong.append(f"a copy was called {again}")
        broken = bytearray(forged(sa, protocol, mode, outer, packet, number + 1))
        broken[-1] ^= 1
        if (said := tool.ask(bytes(broken))) != "bad_icv":
            wrong.append(f"a broken packet was called {said}")
    return wrong


def forged(sa, protocol, mode, outer, packet, number):
    body = packet if mode == "tunnel" else packet[head_octets(packet):]
    if protocol == "esp":
        sealed = sa.seal(number, body, next_of(packet, mode))
        return protected(packet, mode, outer, ESP, len(sealed)) + sealed
    head = protected(packet, mode, outer, AH, sa.octets(outer) + len(body))
    return sa.seal(head, next_of(packet, mode), body, number)


ESP_ALGORITHMS = [(21, 128, 0), (21, 192, 0), (21, 256, 0), (29, 128, 0), (29, 256, 0), (30, 128, 0), (30, 256, 0), (31, 256, 0), (12, 128, 5),
                  (12, 256, 8), (13, 128, 5), (11, 0, 5), (11, 0, 12), (12, 256, 12), (12, 192, 13), (13, 256, 14), (3, 0, 2), (12, 128, 1),
                  (20, 128, 0), (20, 256, 0), (19, 128, 0), (18, 128, 0), (16, 128, 0), (15, 192, 0), (14, 256, 0), (28, 256, 0)]
AH_ALGORITHMS = [1, 2, 5, 8, 9, 10, 11, 12, 13, 14]
HIGH = (3 << 32) - 4  # the low half wraps among the packets of one case


def cases(program):
    for protocol, algorithms_of in (("esp", ESP_ALGORITHMS), ("ah", [(11, 0, integ) for integ in AH_ALGORITHMS])):
        for encr, bits, integ in algorithms_of:
            for mode in ("tunnel", "transport"):
                for esn in (False, True):
                    for outer in (4, 6):
                        # Inner family: the other one in tunnel mode half of the time.
                        inner = outer if mode == "transport" or esn else 10 - outer
                        options = mode == "transport" and esn
                        name = f"{protocol} {encr}/{bits}/{integ} {mode} {'ESN' if esn else 'no ESN'} IPv{outer} over IPv{inner}{' options' if options else ''}"
                        yield name, (program, protocol, mode, encr, bits, integ, esn, outer, inner, HIGH if esn else 0, options)


if __name__ == "__main__":
    sys.exit(run(list(cases(sys.argv[1])), judge))
