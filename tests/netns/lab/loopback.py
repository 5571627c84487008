"""Two daemons on the loopback interface with the internal device: the whole job without root, namespaces or TUN.

127.0.0.1 is east and 127.0.0.2 west, on ports of their own above 1024.
"""
import pathlib
import subprocess
import tempfile

from .connection import Connection, End
from .sallyport import Sallyport
from .space import end_process

PORTS = {"east": (25001, 25002), "west": (25011, 25012)}


class Here:
    """Stands where a namespace's Host stands, and runs everything in the caller's own namespace."""

    def __init__(self, folder, name):
        self.name, self.folder = name, pathlib.Path(folder) / name
        self.folder.mkdir()
        self.processes = []

    def run(self, argv, check=True, timeout=30):
        done = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"{self.name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, argv, log=None, **options):
        with open(self.folder / log, "ab") as stream:
            process = subprocess.Popen(list(map(str, argv)), stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT,
                                       start_new_session=True, **options)
        self.processes.append(process)
        return process


def pair(folder):
    """(east, west), both started, on the internal device."""
    connection = Connection(End("east.example", "127.0.0.1", ["10.1.0.1/32"]), End("west.example", "127.0.0.2", ["10.2.0.1/32"]))
    ends = []
    for side in ("west", "east"):
        ends.append(Sallyport(Here(folder, side), connection, side, device="internal", ports=PORTS).start())
    return ends[1], ends[0]


def demonstrate(tell, show, good, require):
    with tempfile.TemporaryDirectory(prefix="sallyport-") as folder:
        hosts = []
        try:
            east, west = pair(folder)
            hosts = [east.host, west.host]
            good("both daemons run, without root")
            done = east.up()
            show(done.stdout + done.stderr)
            require(done.returncode == 0, "the tunnel is up")
            done = east.command("ping", "10.2.0.1", timeout=60)
            show(done.stdout + done.stderr)
            require(done.returncode == 0, "echo requests answered through the tunnel")
            tell("sallyport status:")
            show(east.command("status").stdout)
            east.down()
            good("taken down")
        finally:
            for host in hosts:
                for process in host.processes:
                    end_process(process)
