#!/usr/bin/python3
"""Clear packets as an attacker on the wire makes them, and the socket that must not see them. Run inside a namespace:

    forge.py send DEVICE DESTINATION-MAC SOURCE DESTINATION PORT COUNT    UDP frames, past every rule of this host
    forge.py fragment DEVICE DESTINATION-MAC SOURCE DESTINATION PORT      one UDP datagram in two fragments
    forge.py later DEVICE DESTINATION-MAC SOURCE DESTINATION PROTOCOL COUNT   later fragments that say they are of PROTOCOL
    forge.py frame DEVICE DESTINATION-MAC SOURCE DESTINATION 0 HEX        that IP packet
    forge.py toobig DEVICE DESTINATION-MAC SOURCE DESTINATION PROTOCOL MTU    ICMP "fragmentation needed" about a packet back to SOURCE
    forge.py listen ADDRESS PORT SECONDS                                  prints how many datagrams came until SIGTERM
"""
import contextlib
import ipaddress
import signal
import socket
import struct
import sys
import time


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source, destination, port, payload):
    header = struct.pack("!HHHH", 40000, port, 8 + len(payload), 0)
    if source.version == 4:
        pseudo = source.packed + destination.packed + struct.pack("!BBH", 0, 17, len(header + payload))
    else:
        pseudo = source.packed + destination.packed + struct.pack("!IHBB", len(header + payload), 0, 0, 17)
    return header[:6] + struct.pack("!H", checksum(pseudo + header + payload) or 0xFFFF) + payload


def ip(source, destination, body, fragment=0, identification=0x1234):
    if source.version == 6:
        next_header = 17
        if fragment:
            offset, more = fragment
            body = struct.pack("!BBHI", 17, 0, offset | more, identification) + body
            next_header = 44
        return struct.pack("!IHBB", 6 << 28, len(body), next_header, 64) + source.packed + destination.packed + body
    field = 0
    if fragment:
        offset, more = fragment
        field = offset >> 3 | (0x2000 if more else 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), identification, field, 64, 17, 0) + source.packed + destination.packed
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def frame(mac, own, source, packet):
    return bytes.fromhex(mac.replace(":", "")) + own + struct.pack("!H", 0x0800 if source.version == 4 else 0x86DD) + packet


def main(words):
    what = words[0]
    if what == "listen":
        address, port, seconds = words[1], int(words[2]), float(words[3])
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, port))
        signal.signal(signal.SIGTERM, lambda *_: sock.close())
        print("bound", flush=True)
        count, end = 0, time.monotonic() + seconds
        with contextlib.suppress(OSError):  # SIGTERM closes the socket under recv
            while (left := end - time.monotonic()) > 0:
                sock.settimeout(left)
                sock.recv(65536)
                count += 1
        print(count, flush=True)
        return 0
    device, mac, source, destination, port = words[1], words[2], ipaddress.ip_address(words[3]), ipaddress.ip_address(words[4]), int(words[5])
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    own = sock.getsockname()[4]
    if what == "send":
        for _ in range(int(words[6])):
            sock.send(frame(mac, own, source, ip(source, destination, udp(source, destination, port, b"forged"))))
        return 0
    if what == "frame":
        sock.send(frame(mac, own, source, bytes.fromhex(words[6])))
        return 0
    if what == "later":
        for number in range(int(words[6])):
            body = struct.pack("!BBHI", port, 0, 1400, number) + b"f" * 64
            sock.send(frame(mac, own, source, struct.pack("!IHBB", 6 << 28, len(body), 44, 64) + source.packed + destination.packed + body))
        return 0
    if what == "toobig":
        protocol, mtu = port, int(words[6])
        quoted = struct.pack("!BBHHHBBH", 0x45, 0, 1400, 7, 0x4000, 64, protocol, 0) + destination.packed + source.packed + b"\1" * 8
        body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quoted
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 9, 0, 64, 1, 0) + source.packed + destination.packed
        sock.send(frame(mac, own, source, head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body))
        return 0
    whole = udp(source, destination, port, b"f" * 64)
    for offset, more, piece in ((0, 1, whole[:40]), (40, 0, whole[40:])):
        sock.send(frame(mac, own, source, ip(source, destination, piece, (offset, more))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
