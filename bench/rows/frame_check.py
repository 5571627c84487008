"""A measurement of nothing in particular, in memory and instant: the test of the frame itself runs it."""
import hashlib
import time

import frame


def _seconds(digest, octets):
    begun = time.perf_counter()
    digest(octets).digest()
    return time.perf_counter() - begun


def run(setting):
    octets = bytes(100_000)
    whole, half = [], []
    for _ in range(setting.rounds):
        whole.append(_seconds(hashlib.sha256, octets) * 1e6)
        half.append(_seconds(hashlib.sha256, octets[:len(octets) // 2]) * 1e6)
    return [frame.compared("SHA-256 of 100 kB", "µs", whole, "of 50 kB", half, goal="<= 20"), frame.Row("octets", "B", len(octets))]


MEASUREMENTS = [frame.Measurement("frame-check", run, hidden=True)]
