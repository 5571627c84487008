"""scapy judges our ESP: it opens what we seal and seals what we open, for each algorithm both know, with and without ESN.

    esp_scapy.py ESP_TOOL       the program built from esp_tool.cc
"""
import subprocess
import sys

try:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.ipsec import ESP, SecurityAssociation
    from scapy.packet import Raw
except ImportError as problem:
    print(f"skipped: {problem}")
    sys.exit(77)

# ENCR number, key bits, INTEG number, scapy's names (IKEv2 registry numbers).
ALGORITHMS = [
    (20, 128, 0, "AES-GCM", "NULL"),
    (20, 256, 0, "AES-GCM", "NULL"),
    (16, 128, 0, "AES-CCM", "NULL"),
    (28, 256, 0, "CHACHA20-POLY1305", "NULL"),
    (12, 128, 2, "AES-CBC", "HMAC-SHA1-96"),
    (12, 256, 12, "AES-CBC", "SHA2-256-128"),
    (12, 256, 13, "AES-CBC", "SHA2-384-192"),
    (12, 128, 14, "AES-CBC", "SHA2-512-256"),
    (13, 128, 12, "AES-CTR", "SHA2-256-128"),
    (11, 0, 12, "NULL", "SHA2-256-128"),
]
SIZES = (0, 1, 2, 3, 13, 14, 15, 64, 1200)


class Tool:
    def __init__(self, program, verb, encr, bits, integ, esn, family):
        self.process = subprocess.Popen([program, verb, str(encr), str(bits), str(integ), "esn" if esn else "no-esn", str(family)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline().split()
        if len(first) != 3:
            raise RuntimeError(f"esp_tool gave no keys for {encr}/{bits}/{integ}")
        self.key, self.integ_key = (b"" if word == "-" else bytes.fromhex(word) for word in first[:2])
        self.spi = int(first[2])

    def ask(self, packet):
        self.process.stdin.write(packet.hex() + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


def inner(family, size):
    head = IP(src="10.1.0.1", dst="10.2.0.1", flags="DF") if family == 4 else IPv6(src="fd01::1", dst="fd02::1")
    return bytes(head / UDP(sport=4000, dport=5000) / Raw(bytes(i % 256 for i in range(size))))


def association(tool, crypt, auth, esn, family):
    tunnel = IP(src="192.0.2.1", dst="192.0.2.2")
    return SecurityAssociation(ESP, spi=tool.spi, seq_num=1, crypt_algo=crypt, crypt_key=tool.key or None, auth_algo=auth,
                               auth_key=tool.integ_key or None, tunnel_header=tunnel, esn_en=esn, esn=0)


def judge(program, case, esn, family):
    encr, bits, integ, crypt, auth = case
    wrong = []
    sealer = Tool(program, "seal", encr, bits, integ, esn, family)
    sa = association(sealer, crypt, auth, esn, family)
    for size in SIZES:
        packet = inner(family, size)
        sealed = bytes.fromhex(sealer.ask(packet))
        outer = IP(src="192.0.2.1", dst="192.0.2.2", proto=50) / Raw(sealed)
        opened = bytes(sa.decrypt(IP(bytes(outer))))
        if opened != packet:
            wrong.append(f"scapy opened another packet of {size}")
    sealer.close()
    opener = Tool(program, "open", encr, bits, integ, esn, family)
    sa = association(opener, crypt, auth, esn, family)
    for size in SIZES:
        packet = inner(family, size)
        sealed = bytes(sa.encrypt((IP if family == 4 else IPv6)(packet)))[20:]
        answer = opener.ask(sealed)
        if answer != packet.hex():
            wrong.append(f"what scapy sealed of {size} we answered with {answer[:60]}")
        if opener.ask(sealed) != "replay":
            wrong.append("a copy was not called a replay")
    broken = bytearray(bytes(sa.encrypt((IP if family == 4 else IPv6)(inner(family, 50))))[20:])
    broken[-1] ^= 1
    if opener.ask(bytes(broken)) != "bad_icv":
        wrong.append("a broken packet was not called bad_icv")
    opener.close()
    return wrong


def main():
    failed = judged = 0
    for case in ALGORITHMS:
        # scapy leaves the high half of the sequence number out of the ICV where cipher and integrity are apart
        # (RFC 4303 2.2.1 wants it in), so it judges ESN with AEADs only.
        for esn in (False, True) if case[4] == "NULL" else (False,):
            for family in (4, 6):
                name = f"{case[3]}-{case[1]} {case[4]} {'ESN' if esn else 'no ESN'} inner IPv{family}"
                try:
                    wrong = judge(sys.argv[1], case, esn, family)
                except Exception as problem:  # whatever scapy throws is its verdict
                    wrong = [f"{type(problem).__name__}: {problem}"]
                judged += 1
                failed += bool(wrong)
                print(f"{'FAIL' if wrong else 'ok  '} {name}" + "".join(f"\n       {w}" for w in wrong))
    print(f"{judged} combinations, {failed} failed")
    return 1 if failed or not judged else 0


if __name__ == "__main__":
    sys.exit(main())
