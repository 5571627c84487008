"""A second reading of IKEv2 on the wire: pcap plus key table in, decoded messages out. RFC 7296 3, RFC 7383 2.5, RFC 5282.

Knows nothing of our own code: only the standards, Python's `cryptography`, and the table format of Wireshark
(`ikev2_decryption_table`: SPIi,SPIr,SK_ei,SK_er,"ENC",SK_ai,SK_ar,"INTEG"). Anything odd raises Wrong.
"""
import csv
import dataclasses
import hmac
import ipaddress
import pathlib
import re
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))
from lab import capture

SA, KE, IDI, IDR, CERT, CERTREQ, AUTH, NONCE, NOTIFY, DELETE, VENDOR, TSI, TSR, SK = range(33, 47)
SKF = 53
IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL = 34, 35, 36, 37


class Wrong(Exception):
    """Octets that the standard does not allow, or keys that do not fit."""


@dataclasses.dataclass
class Keys:
    encryption: dict      # by direction: True for what the original initiator sends
    integrity: dict
    cipher: str
    hash: str


@dataclasses.dataclass
class Transform:
    type: int
    id: int
    key_bits: int = 0


@dataclasses.dataclass
class Proposal:
    number: int
    protocol: int
    spi: bytes
    transforms: list

    def ids(self, kind):
        return [t.id for t in self.transforms if t.type == kind]


@dataclasses.dataclass
class Notify:
    type: int
    protocol: int
    spi: bytes
    data: bytes
    octets: bytes         # the whole payload with its generic header


@dataclasses.dataclass
class Delete:
    protocol: int
    spis: list


@dataclasses.dataclass
class Selector:
    type: int
    protocol: int
    ports: tuple
    first: object
    last: object


@dataclasses.dataclass
class Message:
    spi_i: bytes
    spi_r: bytes
    exchange: int
    from_initiator: bool
    response: bool
    id: int
    payloads: list        # (type, body, whole octets), inside SK where there is one

    def body(self, kind):
        found = [body for number, body, _ in self.payloads if number == kind]
        if len(found) > 1:
            raise Wrong(f"payload {kind} stands {len(found)} times")
        return found[0] if found else None

    def proposals(self):
        return read_sa(self.body(SA))

    def notifies(self):
        return [read_notify(body, octets) for number, body, octets in self.payloads if number == NOTIFY]

    def notify(self, kind):
        found = [n for n in self.notifies() if n.type == kind]
        if len(found) > 1:
            raise Wrong(f"notify {kind} stands {len(found)} times")
        return found[0] if found else None

    def deletes(self):
        return [read_delete(body) for number, body, _ in self.payloads if number == DELETE]

    def selectors(self, kind):
        return read_ts(self.body(kind))


def take(data, at, form):
    size = struct.calcsize(form)
    if at + size > len(data):
        raise Wrong(f"{len(data)} octets are too few for {form} at {at}")
    return struct.unpack_from(form, data, at)


def walk(kind, data):
    """The payloads of a chain: (type, body, whole)."""
    found, at = [], 0
    while kind:
        following, flags, length = take(data, at, "!BBH")
        if length < 4 or at + length > len(data):
            raise Wrong(f"payload {kind} says it has {length} octets")
        if flags & 0x7F:
            raise Wrong(f"reserved bits in payload {kind}")
        found.append((kind, data[at + 4:at + length], data[at:at + length]))
        # What SK names next lies inside it.
        kind, at = (0 if kind in (SK, SKF) else following), at + length
    if at != len(data):
        raise Wrong(f"{len(data) - at} octets behind the last payload")
    return found


def read_sa(body):
    proposals, at, more = [], 0, True
    while more:
        last, zero, length, number, protocol, spi_octets, count = take(body, at, "!BBHBBBB")
        if last not in (0, 2) or zero:
            raise Wrong(f"proposal begins with {last}, {zero}")
        end, inside = at + length, at + 8
        spi, inside = body[inside:inside + spi_octets], inside + spi_octets
        transforms = []
        for index in range(count):
            follows, zero, size, kind, zero2, identity = take(body, inside, "!BBHBBH")
            if follows != (3 if index + 1 < count else 0) or zero or zero2:
                raise Wrong(f"transform {index} begins with {follows}")
            bits = 0
            for a in range(inside + 8, inside + size, 4):
                attribute, value = take(body, a, "!HH")
                if attribute != 0x8000 | 14 or bits:
                    raise Wrong(f"attribute {attribute:#x}")
                bits = value
            transforms.append(Transform(kind, identity, bits))
            inside += size
        if inside != end:
            raise Wrong("transforms do not fill their proposal")
        proposals.append(Proposal(number, protocol, spi, transforms))
        more, at = last == 2, end
    if at != len(body):
        raise Wrong("octets behind the last proposal")
    return proposals


def read_notify(body, octets):
    protocol, spi_octets, kind = take(body, 0, "!BBH")
    return Notify(kind, protocol, body[4:4 + spi_octets], body[4 + spi_octets:], octets)


def read_delete(body):
    protocol, size, count = take(body, 0, "!BBH")
    if len(body) != 4 + size * count:
        raise Wrong("a Delete payload of another size than it says")
    return Delete(protocol, [body[4 + i * size:4 + (i + 1) * size] for i in range(count)])


def read_ts(body):
    count, r1, r2, r3 = take(body, 0, "!BBBB")
    if r1 or r2 or r3:
        raise Wrong("reserved octets of a TS payload")
    found, at = [], 4
    for _ in range(count):
        kind, protocol, length, first_port, last_port = take(body, at, "!BBHHH")
        size = {7: 4, 8: 16}.get(kind)
        if size is None or length != 8 + 2 * size:
            raise Wrong(f"selector of type {kind} and {length} octets")
        first, last = (ipaddress.ip_address(body[at + 8 + i * size:at + 8 + (i + 1) * size]) for i in (0, 1))
        found.append(Selector(kind, protocol, (first_port, last_port), first, last))
        at += length
    if at != len(body):
        raise Wrong("octets behind the last selector")
    return found


def read_table(folder):
    """Keys by (SPIi, SPIr)."""
    table = {}
    path = pathlib.Path(folder) / "ikev2_decryption_table"
    for row in csv.reader(path.read_text().splitlines(), skipinitialspace=True):
        spi_i, spi_r, sk_ei, sk_er, cipher, sk_ai, sk_ar, integrity = row
        table[bytes.fromhex(spi_i), bytes.fromhex(spi_r)] = Keys(
            {True: bytes.fromhex(sk_ei), False: bytes.fromhex(sk_er)}, {True: bytes.fromhex(sk_ai), False: bytes.fromhex(sk_ar)}, cipher, integrity)
    return table


def unseal(keys, from_initiator, header, body):
    """The plain octets of SK or SKF: header is everything before the IV, body the IV and what follows."""
    key, mac_key = keys.encryption[from_initiator], keys.integrity[from_initiator]
    if match := re.match(r"AES-GCM-\d+ with (8|12|16) octet ICV", keys.cipher):
        if match.group(1) != "16":
            raise Wrong(f"{keys.cipher} is not judged here")
        try:
            plain = AESGCM(key[:-4]).decrypt(key[-4:] + body[:8], body[8:], header)
        except InvalidTag:
            raise Wrong("the ICV of an SK payload does not verify") from None
    elif keys.cipher.startswith("AES-CBC"):
        name, size = {"HMAC_SHA1_96": ("sha1", 12), "HMAC_SHA2_256_128": ("sha256", 16), "HMAC_SHA2_384_192": ("sha384", 24),
                      "HMAC_SHA2_512_256": ("sha512", 32)}[keys.hash.split(" ")[0]]
        if not hmac.compare_digest(hmac.new(mac_key, header + body[:-size], name).digest()[:size], body[-size:]):
            raise Wrong("the ICV of an SK payload does not verify")
        opener = Cipher(algorithms.AES(key), modes.CBC(body[:16])).decryptor()
        plain = opener.update(body[16:-size]) + opener.finalize()
    else:
        raise Wrong(f"{keys.cipher} is not judged here")
    if not plain or plain[-1] >= len(plain):
        raise Wrong("the padding of an SK payload")
    return plain[:-1 - plain[-1]]


class Reader:
    """Messages of one capture. Fragments are put together; a retransmission counts once."""

    def __init__(self, path, folder):
        self.table = read_table(folder)
        self.parts, self.seen, self.messages = {}, set(), []
        for datagram in datagrams(path):
            if datagram not in self.seen:
                self.seen.add(datagram)
                self._read(datagram)

    def _read(self, datagram):
        spi_i, spi_r, first, version, exchange, flags, number, length = take(datagram, 0, "!8s8sBBBBII")
        if version != 0x20 or length != len(datagram):
            raise Wrong(f"version {version:#x}, {length} octets said of {len(datagram)}")
        message = Message(spi_i, spi_r, exchange, bool(flags & 0x08), bool(flags & 0x20), number, [])
        outer = walk(first, datagram[28:])
        sealed = [p for p in outer if p[0] in (SK, SKF)]
        if not sealed:
            message.payloads = outer
            self.messages.append(message)
            return
        kind, body, whole = sealed[0]
        keys = self.table.get((spi_i, spi_r))
        if keys is None:
            raise Wrong(f"no keys for the IKE SA {spi_i.hex()}")
        at = len(datagram) - len(body) + (4 if kind == SKF else 0)
        plain = unseal(keys, message.from_initiator, datagram[:at], datagram[at:])
        inner = whole[0]
        if kind == SKF:
            index, total = take(body, 0, "!HH")
            parts = self.parts.setdefault((spi_i, spi_r, message.from_initiator, message.response, number), {})
            parts[index] = (inner, plain)
            if len(parts) < total:
                return
            inner, plain = parts[1][0], b"".join(parts[i][1] for i in range(1, total + 1))
        message.payloads = walk(inner, plain)
        self.messages.append(message)

    def of(self, exchange, response):
        return [m for m in self.messages if m.exchange == exchange and m.response == response]


def datagrams(path):
    """IKE messages of a capture without the non-ESP marker."""
    for _, link, data in capture.packets(path):
        ethertype, packet = capture.network_layer(link, data)
        if capture.classify(ethertype, packet) != "ike":
            continue
        payload = capture.dissect(ethertype, packet)[3][8:]
        yield payload[4:] if payload[:4] == b"\0\0\0\0" and payload[4:12] != b"\0" * 8 else payload
