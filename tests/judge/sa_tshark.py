#!/usr/bin/python3
"""tshark opens ESP that we seal, in every mode, and reads our AH, whose ICV it does not check.

    sa_tshark.py SA_TOOL
"""
import pathlib
import shutil
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[0] / "netns")]

from lab.judges import tshark
from sa_wire import LEFT, RIGHT, SIZES, Tool, inner_packet, ip_header, run, udp

# ENCR number, key bits, INTEG number, names of esp_sa in Wireshark 4.0.
ESP_ALGORITHMS = [(20, 128, 0, "AES-GCM with 16 octet ICV [RFC4106]", "NULL"), (18, 256, 0, "AES-GCM with 8 octet ICV [RFC4106]", "NULL"),
                  (12, 256, 12, "AES-CBC [RFC3602]", "HMAC-SHA-256-128 [RFC4868]"), (12, 128, 2, "AES-CBC [RFC3602]", "HMAC-SHA-1-96 [RFC2404]"),
                  (13, 128, 14, "AES-CTR [RFC3686]", "HMAC-SHA-512-256 [RFC4868]"), (11, 0, 13, "NULL", "HMAC-SHA-384-192 [RFC4868]")]


def capture(folder, packets):
    """A file of bare IP packets."""
    path = folder / "wire.pcap"
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
        for number, packet in enumerate(packets):
            file.write(struct.pack("<IIII", 1 + number, 0, len(packet), len(packet)) + packet)
    return path


def in_udp(esp, outer):
    body = bytearray(udp(LEFT[outer], RIGHT[outer], esp))
    body[0:4] = struct.pack("!HH", 4500, 4500)
    if outer == 4:
        body[6:8] = bytes(2)
    return ip_header(LEFT[outer], RIGHT[outer], 17, len(body)) + bytes(body)


def judge(program, protocol, mode, case, outer, inner, encap):
    encr, bits, integ, cipher, auth = case
    with tempfile.TemporaryDirectory() as folder, Tool(program, "seal", protocol, mode, encr, bits, integ, outer=outer, inner=inner, udp=encap) as tool:
        folder = pathlib.Path(folder)
        if protocol == "esp":
            row = ["IPv4" if outer == 4 else "IPv6", "*", "*", f"0x{tool.spi:08x}", cipher, f"0x{tool.key.hex()}", auth, f"0x{tool.integ_key.hex()}"]
            (folder / "esp_sa").write_text(",".join(f'"{word}"' for word in row) + "\n")
        packets = [inner_packet(mode, outer, inner, size) for size in SIZES]
        wire = [tool.ask(packet) for packet in packets]
        if refused := [answer for answer in wire if isinstance(answer, str)]:
            return [f"we refused to seal: {refused}"]
        path = capture(folder, [in_udp(packet, outer) for packet in wire] if encap else wire)
        fields = ["esp.spi", "esp.sequence", "esp.icv_good"] if protocol == "esp" else ["ah.spi", "ah.sequence", "ah.length"]
        rows = tshark(path, folder, [*fields, "udp.payload", "udp.checksum.status"], protocol, ["-o", "udp.check_checksum:TRUE"])
    if len(rows) != len(packets):
        return [f"tshark knows {len(rows)} of {len(packets)} packets as {protocol}"]
    wrong = []
    for number, (row, size) in enumerate(zip(rows, SIZES), 1):
        spi, sequence, third, payload, sums = row
        if int(spi, 16) != tool.spi or int(sequence) != number:
            wrong.append(f"packet {number}: SPI {spi}, number {sequence}")
        if protocol == "esp" and third not in ("1", "True"):
            wrong.append(f"packet {number}: the ICV is not called good: {third!r}")
        # The innermost layer's values stand last. 1: the checksum inside is right.
        if payload.split(",")[-1].replace(":", "") != bytes(i % 256 for i in range(size)).hex() and size:
            wrong.append(f"packet {number}: {payload[-80:]!r} was inside")
        if sums.split(",")[-1] not in ("1", "Good"):
            wrong.append(f"packet {number}: the checksum inside is {sums}")
    return wrong


def cases(program):
    for number, case in enumerate(ESP_ALGORITHMS):
        for mode in ("tunnel", "transport"):
            for encap in (False, True):
                outer = 6 if (number + encap) % 2 else 4
                inner = outer if mode == "transport" else 10 - outer
                yield f"ESP {case[3]} {case[4]} {mode}{' in UDP' if encap else ''} IPv{outer}", (program, "esp", mode, case, outer, inner, encap)
    for mode in ("tunnel", "transport"):
        for outer in (4, 6):
            for integ in (12, 9):
                yield f"AH {integ} {mode} IPv{outer}", (program, "ah", mode, (11, 0, integ, "", ""), outer, outer, False)


if __name__ == "__main__":
    if not shutil.which("tshark"):
        print("skipped: the program 'tshark' is missing")
        sys.exit(77)
    sys.exit(run(list(cases(sys.argv[1])), judge))
