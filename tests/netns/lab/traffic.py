"""Sequence-numbered UDP in both directions at a steady pace (tool seqflow, built from tests/netns/seqflow.cc), losses counted."""
import dataclasses
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build" / "release"))


def tool():
    """The built seqflow, or None."""
    path = BUILD / "tests" / "netns" / "seqflow"
    return path if path.exists() else None


@dataclasses.dataclass
class Count:
    """One direction: packets sent at one end, distinct ones that arrived at the other, longest silence there in seconds."""
    sent: int
    arrived: int
    duplicates: int
    corrupt: int
    longest_silence: float

    @property
    def lost(self):
        return self.sent - self.arrived


class Flow:
    """Both directions between two hosts, running in the background until finish(). smallest, largest: octets of the IP packet."""

    def __init__(self, east, west, address_east, address_west, pps=1000, seconds=5.0, settle=1.0, smallest=64, largest=1400, port=47007):
        program = tool()
        if program is None:
            raise RuntimeError(f"{BUILD}/tests/netns/seqflow is not built")
        headers = 48 if ":" in address_east else 28
        common = ["--port", port, "--pps", pps, "--seconds", seconds, "--settle", settle, "--min", smallest - headers, "--max", largest - headers]
        self.patience = seconds + settle + 15
        self.ends = [host.start([program, "--bind", mine, "--peer", peer, *common], stdout=subprocess.PIPE, text=True)
                     for host, mine, peer in ((east, address_east, address_west), (west, address_west, address_east))]

    def running(self):
        return any(process.poll() is None for process in self.ends)

    def stop(self):
        """Stops sending now; finish() still waits for what is under way."""
        for process in self.ends:
            process.terminate()

    def finish(self):
        """Waits for both ends; returns (east to west, west to east)."""
        east, west = (json.loads(process.communicate(timeout=self.patience)[0]) for process in self.ends)
        return _count(east, west), _count(west, east)


def _count(sender, receiver):
    return Count(sender["sent"], receiver["distinct"], receiver["duplicates"], receiver["corrupt"], receiver["longest_silence"])
