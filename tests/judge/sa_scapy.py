#!/usr/bin/python3
"""scapy judges AH, and ESP in transport mode and in UDP: it opens what we seal and seals what we open. (Tunnel mode ESP: esp_scapy.py.)

    sa_scapy.py SA_TOOL
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

try:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.ipsec import AH, ESP, SecurityAssociation
    from scapy.packet import Raw
except ImportError as problem:
    print(f"skipped: {problem}")
    sys.exit(77)
from sa_wire import LEFT, RIGHT, SIZES, Tool, inner_packet, run

# ENCR number, key bits, INTEG number, scapy's names (IKEv2 registry numbers).
ESP_ALGORITHMS = [(20, 128, 0, "AES-GCM", "NULL"), (20, 256, 0, "AES-GCM", "NULL"), (16, 128, 0, "AES-CCM", "NULL"),
                  (28, 256, 0, "CHACHA20-POLY1305", "NULL"), (12, 128, 2, "AES-CBC", "HMAC-SHA1-96"), (12, 256, 12, "AES-CBC", "SHA2-256-128"),
                  (13, 128, 14, "AES-CTR", "SHA2-512-256"), (12, 128, 8, "AES-CBC", "AES-CMAC-96"), (11, 0, 13, "NULL", "SHA2-384-192")]
AH_ALGORITHMS = [(11, 0, 1, None, "HMAC-MD5-96"), (11, 0, 2, None, "HMAC-SHA1-96"), (11, 0, 8, None, "AES-CMAC-96"), (11, 0, 12, None, "SHA2-256-128"),
                 (11, 0, 13, None, "SHA2-384-192"), (11, 0, 14, None, "SHA2-512-256")]


def association(tool, protocol, mode, crypt, auth, outer, esn):
    tunnel = (IP if outer == 4 else IPv6)(src=LEFT[outer], dst=RIGHT[outer]) if mode == "tunnel" else None
    # 0: the high half of the sequence number, which scapy does not count.
    return SecurityAssociation(ESP if protocol == "esp" else AH, spi=tool.spi, seq_num=1, crypt_algo=crypt, crypt_key=tool.key or None, auth_algo=auth,
                               auth_key=tool.integ_key or None, tunnel_header=tunnel, esn_en=esn, esn=0)


def in_scapy(packet):
    return (IP if packet[0] >> 4 == 4 else IPv6)(packet)


def ip_octets(packet):
    return 20 if packet[0] >> 4 == 4 else 40


def judge(program, protocol, mode, case, esn, outer, inner, udp):
    encr, bits, integ, crypt, auth = case
    words, wrong = (protocol, mode, encr, bits, integ, esn, outer, inner, udp), []
    with Tool(program, "seal", *words) as tool:
        sa = association(tool, protocol, mode, crypt, auth, outer, esn)
        for size in SIZES:
            packet = inner_packet(mode, outer, inner, size)
            wire = tool.ask(packet)
            if udp:  # what stays of the header in transport mode is the outer one
                head = (IP(src=LEFT[4], dst=RIGHT[4], proto=50, flags="DF") if outer == 4 else IPv6(src=LEFT[6], dst=RIGHT[6], nh=50))
                wire = bytes(head / Raw(wire))
            opened = bytes(sa.decrypt(in_scapy(wire), esn_en=esn, esn=0))
            same = opened == packet if mode == "tunnel" else opened[ip_octets(opened):] == packet[ip_octets(packet):]
            if not same:
                wrong.append(f"scapy opened another packet of {size}: {opened.hex()[:120]}")
    with Tool(program, "open", *words) as tool:
        sa = association(tool, protocol, mode, crypt, auth, outer, esn)

        def forge(size):
            sealed = bytes(sa.encrypt(in_scapy(inner_packet(mode, outer, inner, size)), esn_en=esn, esn=0))
            return sealed[ip_octets(sealed):] if udp else sealed
        for size in SIZES:
            wire, packet = forge(size), inner_packet(mode, outer, inner, size)
            got = tool.ask(wire)
            # Through UDP the IP header is made anew by the receiver.
            same = not isinstance(got, str) and (got[ip_octets(got):] == packet[ip_octets(packet):] if udp and mode == "transport" else got == packet)
            if not same:
                wrong.append(f"what scapy sealed of {size} we answered with {got if isinstance(got, str) else got.hex()[:120]}")
            if (again := tool.ask(wire)) != "replay":
                wrong.append(f"a copy was called {again}")
        broken = bytearray(forge(50))
        broken[-1] ^= 1
        if (said := tool.ask(bytes(broken))) != "bad_icv":
            wrong.append(f"a broken packet was called {said}")
    return wrong


def cases(program):
    for outer in (4, 6):
        for case in ESP_ALGORITHMS:
            # scapy leaves the high half of the sequence number out of the ICV where cipher and integrity are apart (RFC 4303 2.2.1 wants
            # it in), so it judges ESN with AEADs only.
            for esn in (False, True) if case[4] == "NULL" else (False,):
                for mode, udp in (("transport", False), ("transport", True), ("tunnel", True)):
                    name = f"ESP {case[3]}-{case[1]} {case[4]} {mode}{' in UDP' if udp else ''} {'ESN' if esn else 'no ESN'} IPv{outer}"
                    yield name, (program, "esp", mode, case, esn, outer, outer, udp)
        for case in AH_ALGORITHMS:
            for esn in (False, True):
                for mode in ("tunnel", "transport"):
                    for inner in (4, 6) if mode == "tunnel" else (outer,):
                        name = f"AH {case[4]} {mode} {'ESN' if esn else 'no ESN'} IPv{outer} over IPv{inner}"
                        yield name, (program, "ah", mode, case, esn, outer, inner, False)


if __name__ == "__main__":
    sys.exit(run(list(cases(sys.argv[1])), judge))
