"""Two secured hosts, a listener on one and programs of several users on the other, with many sockets each (crowd.py)."""
import json
import os
import pathlib
import subprocess
import time

import cpu
from lab import capture
from lab.isolation import Failure, Stage
from lab.traffic import BUILD

HERE = pathlib.Path(__file__).resolve().parent
PORT = 27015


class Crowds:
    """Two secured hosts, a listener on bob, and programs of several users on alice."""

    def __init__(self, lab, keep_warm):
        self.stage = Stage(lab, ("alice", "bob"))
        for name in ("alice", "bob"):
            member = self.stage.member(name, "secure-sockets.toml", {"sockets.psk": "a secret of all sockets\n"},
                                       lambda text: f'policy_store = "none"\n{text}\nkeep_warm = "{keep_warm}"\n')
            for folder in [member.folder, *member.folder.parents]:
                if folder != pathlib.Path("/"):
                    folder.chmod(folder.stat().st_mode | 0o011)

    def start(self, host, verb, uid, family="v4", flags=0, *more, port=PORT, address=None):
        environment = {**os.environ, "SALLYPORT_LIBRARY": str(BUILD / "src" / "api" / "libsallyport.so"),
                       "SALLYPORT_SOCKETS": str(self.stage.host(host).folder / "sallyport" / "sockets.sock")}
        words = ["/usr/bin/python3", HERE / "crowd.py", verb, uid, address or self.stage.wire.address("bob", family), port, flags, *more]
        process = self.stage.host(host).start(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        if verb == "serve":
            if "bound" not in process.stdout.readline():
                raise Failure("the server has not come up")
        return process

    def order(self, process, text, wanted):
        process.stdin.write(text + "\n")
        process.stdin.flush()
        said = json.loads(process.stdout.readline())
        if said["good"] != wanted or "error" in said:
            raise Failure(f"{text}: {said}, and not {wanted}")
        return said

    def watched(self, name, work):
        """What passed alice's wire meanwhile: SPIs of ESP, and how many messages of IKE."""
        watch = capture.Capture(self.stage.host("alice"), "wan", name=name)
        work()
        path = watch.stop()
        if clear := capture.clear_packets(path):
            raise Failure(f"{name}: in the clear were {clear}")
        return {packet[:4] for _, _, packet in capture.esp_packets(path)}, capture.census(path)["ike"]

    def left(self, host):
        member = self.stage.members[host]
        filters = json.loads(member.command("filter", "--json", check=True).stdout)
        sas = member.status()
        return {"filters": sum(row["name"].startswith("socket ") for row in filters), "ike_sas": len(sas.get("ike_sas", [])),
                "child_sas": sum(len(sa.get("children", [])) for sa in sas.get("ike_sas", []))}

    def daemon(self, host):
        return self.stage.members[host].process.pid

    def descriptors(self, host):
        """How many each of the daemon's processes keeps: the fewest of half a second, in which what was asked last is hung up."""
        counts = {}
        for _ in range(10):
            for pid in cpu.session(self.daemon(host)):
                counts[pid] = min(counts.get(pid, 1 << 20), len(os.listdir(f"/proc/{pid}/fd")))
            time.sleep(0.05)
        return counts

    def memory(self, host):
        total = 0
        for pid in cpu.session(self.daemon(host)):
            rows = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
            total += int(rows["RssAnon"].split()[0]) * 1024
        return total
