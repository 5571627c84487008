"""Independent judges of keys: tshark opens IKE and ESP, scapy opens what tshark does not know (ChaCha20-Poly1305).

They read the tables a daemon logs on request, in Wireshark's own formats: `ikev2_decryption_table` and `esp_sa` in one folder.
tshark refuses a table with a cipher it does not know, so ChaCha20-Poly1305 and AES-CCM rows lie in a file of their own, `esp_sa.other`, of the
same columns with "ChaCha20-Poly1305 [RFC7634]" or "AES-CCM with 16 octet ICV [RFC4309]" as cipher (key with its salt).
"""
import csv
import pathlib
import re
import subprocess
import tempfile

from .capture import esp_packets, packets, network_layer

CHACHA = "ChaCha20-Poly1305"


UNKNOWN = ("aesxcbc", "aescmac", "gmac", "iiv")


def known_to_scapy(proposal):
    """Whether scapy can open ESP of that proposal with what the key table says. It takes whole tags of GCM only."""
    return not any(word in proposal for word in (*UNKNOWN, "gcm8", "gcm12"))


def known_to_tshark(proposal):
    return not any(word in proposal for word in (*UNKNOWN, "chacha", "ccm"))


def read_esp_sa(folder):
    """Rows of esp_sa and esp_sa.other: (family, source, destination, spi, cipher, key bytes, authentication, key bytes)."""
    def key(text):
        return bytes.fromhex(text.removeprefix("0x"))
    rows = []
    for path in (pathlib.Path(folder) / "esp_sa", pathlib.Path(folder) / "esp_sa.other"):
        lines = path.read_text().splitlines() if path.exists() else []
        for row in csv.reader((line for line in lines if line.strip() and not line.startswith("#")), skipinitialspace=True):
            rows.append((row[0], row[1], row[2], int(row[3], 16), row[4], key(row[5]), row[6], key(row[7]) if len(row) > 7 else b""))
    return rows


def tshark(capture, folder, fields, display="", extra=()):
    """Rows of the fields' values as tshark reads the capture with the keys in `folder`. Several values of a field: joined by ','."""
    with tempfile.TemporaryDirectory() as settings:
        settings = pathlib.Path(settings)
        table = pathlib.Path(folder) / "ikev2_decryption_table"
        if table.exists():
            (settings / "ikev2_decryption_table").write_bytes(table.read_bytes())
        rows = (pathlib.Path(folder) / "esp_sa").read_text().splitlines() \
            if (pathlib.Path(folder) / "esp_sa").exists() else []
        (settings / "esp_sa").write_text("\n".join(rows) + "\n")
        argv = ["tshark", "-n", "-r", str(capture), "-o", "esp.enable_encryption_decode:TRUE",
                "-o", "esp.enable_authentication_check:TRUE", "-T", "fields", "-E", "separator=|", *extra]
        for field in fields:
            argv += ["-e", field]
        if display:
            argv += ["-Y", display]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(settings), "WIRESHARK_CONFIG_DIR": str(settings),
                                   "LC_ALL": "C"})
        if done.returncode != 0:
            raise RuntimeError("tshark: " + done.stderr.strip())
    return [line.split("|") for line in done.stdout.splitlines()]


def ike_payloads(capture, folder):
    """Per IKE message: (exchange type number, list of payload type numbers inside and outside the SK payload)."""
    found = []
    for exchange, kinds in tshark(capture, folder, ["isakmp.exchangetype", "isakmp.typepayload"], "isakmp"):
        found.append((int(exchange.split(",")[0]), [int(kind) for kind in kinds.split(",") if kind]))
    return found


def opened_by_tshark(capture, folder):
    """UDP payloads and ICMP data that tshark reads out of ESP, as a list of (source, destination, hex); other inner packets are left out."""
    found = []
    fields = ["ip.src", "ip.dst", "ip.proto", "udp.payload", "data.data"]
    for sources, destinations, protocols, payload, data in tshark(capture, folder, fields, "esp && ip"):
        inner = protocols.split(",")[-1]
        # The last of several values is the innermost layer's.
        value = {"17": payload, "1": data}.get(inner, "").split(",")[-1].replace(":", "")
        if value:
            found.append((sources.split(",")[-1], destinations.split(",")[-1], value))
    return found


def icv_verdicts(capture, folder):
    """(packets whose ICV tshark found right, packets it found wrong)."""
    # An ICMP error quotes only the start of an ESP packet: a port that is closed for a moment is no wrong ICV.
    rows = tshark(capture, folder, ["esp.icv_good", "esp.icv_bad"], "esp && !icmp.type==3 && !icmpv6.type==1")
    good = sum(1 for row in rows if row[0] in ("1", "True"))
    bad = sum(1 for row in rows if len(row) > 1 and row[1] in ("1", "True"))
    return good, bad


def scapy_cipher(cipher):
    """scapy's name for a cipher of the key table, or None."""
    for part, name in ((CHACHA, "CHACHA20-POLY1305"), ("GCM", "AES-GCM"), ("CCM", "AES-CCM"), ("TripleDES", "3DES"), ("CBC", "AES-CBC"),
                       ("CTR", "AES-CTR"), ("NULL", "NULL")):
        if part in cipher:
            return name
    return None


def opened_by_scapy(capture, folder):
    """Inner IP packets (bytes) that scapy reads out of ESP with the keys in `folder`. A wrong ICV raises."""
    from scapy.config import conf
    conf.verb = 0
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.ipsec import ESP, SecurityAssociation
    associations = {}
    for family, _, _, spi, cipher, key, integrity, integrity_key in read_esp_sa(folder):
        name = scapy_cipher(cipher)
        if name is None:
            continue
        octets = re.search(r"with (\d+) octet ICV", cipher)
        auth = {"HMAC-SHA-256-128": "SHA2-256-128", "HMAC-SHA-384-192": "SHA2-384-192", "HMAC-SHA-512-256": "SHA2-512-256",
                "HMAC-SHA-1-96": "HMAC-SHA1-96"}.get(integrity.split(" ")[0])
        associations[spi] = SecurityAssociation(ESP, spi=spi, crypt_algo=name, crypt_key=key, auth_algo=auth, auth_key=integrity_key,
                                                crypt_icv_size=int(octets.group(1)) if octets else None,
                                                tunnel_header=IPv6() if family == "IPv6" else IP())
    opened = []
    for source, destination, esp in esp_packets(capture):
        association = associations.get(int.from_bytes(esp[:4], "big"))
        if association is None:
            continue
        if source.version == 6:
            outer = IPv6(src=str(source), dst=str(destination), nh=50) / ESP(esp)
        else:
            outer = IP(src=str(source), dst=str(destination), proto=50) / ESP(esp)
        opened.append(_without_padding(bytes(association.decrypt(outer.__class__(bytes(outer))))))
    return opened


def associations_of(folder, tunnel):
    """scapy's SA for each SPI of ESP and AH in the key tables. tunnel: False where the SAs are of transport mode."""
    from scapy.layers.inet import IP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.ipsec import AH, ESP, SecurityAssociation
    auths = {"HMAC-SHA-256-128": "SHA2-256-128", "HMAC-SHA-384-192": "SHA2-384-192", "HMAC-SHA-512-256": "SHA2-512-256",
             "HMAC-SHA-1-96": "HMAC-SHA1-96", "AES-CMAC-96": "AES-CMAC-96"}
    associations = {}
    for family, _, _, spi, cipher, key, integrity, integrity_key in read_esp_sa(folder):
        header = (IPv6() if family == "IPv6" else IP()) if tunnel else None
        auth = auths.get(integrity.split(" ")[0])
        if cipher == "AH":
            associations[spi] = SecurityAssociation(AH, spi=spi, auth_algo=auth, auth_key=integrity_key, tunnel_header=header)
        elif name := scapy_cipher(cipher):
            associations[spi] = SecurityAssociation(ESP, spi=spi, crypt_algo=name, crypt_key=key, auth_algo=auth, auth_key=integrity_key,
                                                    tunnel_header=header)
    return associations


def opened_all(capture, folder, tunnel):
    """What scapy verifies and reads out of every ESP and AH packet of a capture, fragments put together first, bundles to the innermost
    packet: (inner IP packets as bytes, how many had an SPI without keys). A wrong ICV raises."""
    from scapy.config import conf
    conf.verb = 0
    from scapy.layers.ipsec import AH, ESP
    associations, opened, unknown = associations_of(folder, tunnel), [], 0
    for packet in _whole_packets(capture):
        packet = _out_of_udp(packet)
        while layer := packet.getlayer(AH) or packet.getlayer(ESP):
            if layer.spi not in associations:
                unknown += 1
                break
            packet = _decrypted(associations[layer.spi], packet)
            if tunnel or (AH not in packet and ESP not in packet):
                opened.append(_without_padding(bytes(packet)))
                break
    return opened, unknown


def _out_of_udp(packet):
    """RFC 3948: ESP in UDP as if it were native, since what stays of the header in transport mode is the outer one. IKE and keepalives
    become UDP without a meaning."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.packet import Raw
    if not isinstance(packet.payload, UDP) or 4500 not in (packet[UDP].sport, packet[UDP].dport):
        return packet
    payload = bytes(packet)[(48 if packet.version == 6 else packet.ihl * 4 + 8):]
    protocol = 50 if len(payload) >= 8 and payload[:4] != bytes(4) else 17
    if packet.version == 6:
        return IPv6(bytes(IPv6(src=packet.src, dst=packet.dst, tc=packet.tc, hlim=packet.hlim, nh=protocol) / Raw(payload)))
    return IP(bytes(IP(src=packet.src, dst=packet.dst, tos=packet.tos, ttl=packet.ttl, id=packet.id, flags=packet.flags, proto=protocol) / Raw(payload)))


def _decrypted(association, packet):
    """ESN or not is not in the key table: whichever verifies. Its high half is 0 in runs as short as these."""
    from scapy.layers.ipsec import IPSecIntegrityError
    raw, kind = bytes(packet), packet.__class__
    try:
        association.esn_en = False
        found = association.decrypt(kind(raw))
    except IPSecIntegrityError:
        association.esn_en = True
        found = association.decrypt(kind(raw), esn_en=True, esn=0)
    return kind(bytes(found)) if not association.tunnel_header else found


def _whole_packets(path):
    """IP packets of a capture as scapy's, fragments put together."""
    from scapy.layers.inet import IP, defragment
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, defragment6
    from scapy.plist import PacketList
    whole, pieces = [], {}
    for _, link, data in packets(path):
        kind, packet = network_layer(link, data)
        if kind not in (0x0800, 0x86DD):
            continue
        packet = (IP if kind == 0x0800 else IPv6)(packet)
        if kind == 0x0800 and (packet.frag or packet.flags.MF):
            pieces.setdefault((packet.src, packet.dst, packet.id, packet.proto), []).append(packet)
        elif kind == 0x86DD and IPv6ExtHdrFragment in packet:
            pieces.setdefault((packet.src, packet.dst, packet[IPv6ExtHdrFragment].id), []).append(packet)
        else:
            whole.append(packet)
    for group in pieces.values():
        if isinstance(group[0], IPv6):
            joined = defragment6(PacketList(group))
            whole.append(IPv6(bytes(joined)))
        else:
            whole += [IP(bytes(packet)) for packet in defragment(PacketList(group))]
    return whole


def joined_packets(path):
    """As inner_packets(), with fragments put together."""
    return [bytes(packet) for packet in _whole_packets(path)]


def essence(packet):
    """What of an IP packet is the same at both ends of transport mode: addresses, protocol, and what they carry."""
    if packet[0] >> 4 == 4:
        return packet[12:20], packet[9], packet[(packet[0] & 15) * 4:int.from_bytes(packet[2:4], "big")]
    return packet[8:40], packet[6], packet[40:]


def inner_packets(capture):
    """IP packets of a capture of a TUN device or any inner wire, as bytes."""
    return [bytes(packet) for _, link, data in packets(capture) for kind, packet in [network_layer(link, data)] if kind in (0x0800, 0x86DD)]


def _without_padding(packet):
    """RFC 4303 2.7: octets behind the inner packet's own length are traffic flow padding, which every receiver cuts off."""
    length = int.from_bytes(packet[2:4], "big") if packet[0] >> 4 == 4 else 40 + int.from_bytes(packet[4:6], "big")
    return packet[:length]


def differing(opened, inner):
    """How many of the opened inner packets the inner capture does not hold, byte for byte."""
    known = set(inner)
    return sum(1 for packet in opened if packet not in known)


def unknown_to(inner, rows):
    """How many of tshark's (source, destination, hex) rows no inner packet holds."""
    udp = {packet[28:].hex() for packet in inner if packet[:1] == b"\x45" and packet[9] == 17}
    icmp = [packet[28:].hex() for packet in inner if packet[:1] == b"\x45" and packet[9] == 1]
    # tshark takes the time stamp off a ping's data.
    return sum(1 for _, _, data in rows if data not in udp and not any(whole.endswith(data) for whole in icmp))
