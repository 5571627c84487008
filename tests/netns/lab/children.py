"""The daemon's processes killed one by one: what each end says, and that the tunnel is there again. Robustness T1, T2."""
import os
import re
import select
import signal
import subprocess

from .connection import Connection, End
from .sallyport import Sallyport
from .space import Lab, Plan, wait_until


def _child(daemon, name):
    """Process id of the daemon's child of that name (as ps shows it)."""
    parent = daemon.process.pid
    found = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(parent)], capture_output=True, text=True).stdout
    for line in found.splitlines():
        pid, comm = line.split(None, 1)
        if comm.strip() == name:
            return int(pid)
    return 0


def _status_of(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def _pair(plan):
    connection = Connection(End("east.example", plan.east_address, list(plan.nets["east"])),
                            End("west.example", plan.west_address, list(plan.nets["west"])), encap=False)
    west = Sallyport(plan.west, connection, "west").start()
    return Sallyport(plan.east, connection, "east").start(), west


def _again(daemon, name, old):
    return wait_until(lambda: (pid := _child(daemon, name)) and pid != old and pid, 10, f"another {name}")


def _require(complaints, good, sentence):
    if not good:
        complaints.append(sentence)


def _keys_killed_in_handshake(plan):
    complaints = []
    east, _west = _pair(plan)
    keys = _child(east, "sallyport-keys")
    # Stopped first, so that the handshake surely waits for it; then it dies with the request in hand.
    os.kill(keys, signal.SIGSTOP)
    waiting = plan.east.start(east.words("up", "--wait=20s", "net"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: any(sa["state"] == "INIT_DONE" for sa in east.status().get("ike_sas", [])), 10, "a handshake that waits for its key")
    os.kill(keys, signal.SIGKILL)
    said, _ = waiting.communicate(timeout=30)
    _require(complaints, waiting.returncode == 1, f"up ended with {waiting.returncode}, expected 1: {said}")
    _require(complaints, re.search(r"key process", said), f"up does not say what was lost: {said}")
    _again(east, "sallyport-keys", keys)
    log = east.tail(200)   # the parent speaks before it starts another; the worker, which told us, may be faster than that
    _require(complaints, re.search(r"key process was killed by signal .*; it is started again", log), f"the parent said nothing:\n{log}")
    _require(complaints, re.search(r"1 requests it had in hand are refused", log), f"the worker said nothing:\n{log}")
    done = east.up()
    _require(complaints, done.returncode == 0, f"no tunnel with the new key process: {done.stdout + done.stderr}\n{east.tail()}")
    _require(complaints, plan.east.ping(plan.inner("west"), source=plan.inner("east")) == 3, "no traffic with the new key process")
    return complaints


def _keys_cannot_come_back(plan):
    complaints = []
    east, _west = _pair(plan)
    _require(complaints, east.up().returncode == 0, "no tunnel")
    (east.folder / "peer.psk").unlink()
    os.kill(_child(east, "sallyport-keys"), signal.SIGKILL)
    code = east.process.wait(timeout=20)
    _require(complaints, code == 3, f"the daemon ended with {code}, expected 3")
    _require(complaints, "cannot be started again" in east.tail(), f"the daemon did not say why it ended:\n{east.tail()}")
    # Fail closed: without tunnel and daemon the way to what was protected is a dead end.
    route = plan.east.run(["ip", "route", "get", plan.inner("west")], check=False)
    _require(complaints, route.returncode != 0, f"a clear way is open: {route.stdout}")
    return complaints


def _forbidden_call(plan):
    complaints = []
    east, _west = _pair(plan)
    _require(complaints, east.up().returncode == 0, "no tunnel")
    for name, said in (("sallyport-work", "the worker"), ("sallyport-help", "the helper"), ("sallyport-keys", "the key process")):
        old = _child(east, name)
        facts = _status_of(old)
        _require(complaints, facts.get("Seccomp") == "2", f"{name} runs without a filter")
        _require(complaints, facts.get("NoNewPrivs") == "1", f"{name} may gain rights")
        # What the kernel does to a process that makes a forbidden call.
        os.kill(old, signal.SIGSYS)
        _again(east, name, old)
        wait_until(lambda: f"{said} made a forbidden system call and was killed for it" in east.tail(200), 5, f"a line about {said}")
    done = wait_until(lambda: (d := east.up()).returncode == 0 and d, 20, "the tunnel with three new processes")
    _require(complaints, plan.east.ping(plan.inner("west"), source=plan.inner("east")) == 3, f"no traffic afterwards: {done.stdout}")
    remembered = east.command("log", "-n", "500").stdout
    _require(complaints, "the key process made a forbidden system call" in remembered, f"sallyport log does not show it:\n{remembered}")
    return complaints


def _secrets_stay(plan):
    complaints = []
    east, _west = _pair(plan)
    facts = _status_of(_child(east, "sallyport-keys"))
    locked = int(facts["VmLck"].split()[0])
    _require(complaints, locked > 0 or "may not lock its memory" in east.tail(), f"memory is not locked, and nothing was said: {facts['VmLck']}")
    limits = open(f"/proc/{_child(east, 'sallyport-keys')}/limits").read()
    _require(complaints, re.search(r"Max core file size\s+0\s+0", limits), "the key process may leave a core")
    _require(complaints, int(facts["CapEff"], 16) == 1 << 2, f"the key process has the capabilities {facts['CapEff']}")
    worker = _status_of(_child(east, "sallyport-work"))
    _require(complaints, int(worker["CapEff"], 16) == 0, f"the worker has the capabilities {worker['CapEff']}")
    return complaints


def _states_traced(plan):
    complaints = []
    east, west = _pair(plan)
    watching = plan.east.start(east.words("watch", "--json"), stdout=subprocess.PIPE, text=True)
    # It hears nothing of what was before it: a reload that it tells of says that it listens.
    while not select.select([watching.stdout], [], [], 0.2)[0]:
        _require(complaints, watching.poll() is None, "watch has ended")
        if complaints:
            return complaints
        east.command("reload")
    _require(complaints, east.up().returncode == 0, "no tunnel")
    lines = []
    for line in watching.stdout:
        lines.append(line)
        if '"to":"ESTABLISHED"' in line:
            break
    watching.terminate()
    seen = "".join(lines)
    for before, after in (("STARTING", "INIT_SENT"), ("INIT_SENT", "INIT_DONE"), ("INIT_DONE", "AUTH_SENT"), ("AUTH_SENT", "ESTABLISHED")):
        _require(complaints, f'"from":"{before}","to":"{after}"' in seen, f"watch shows no move from {before} to {after}:\n{seen}")
    _require(complaints, re.search(r'"row":"[^"]+"', seen), f"watch names no row:\n{seen}")
    _require(complaints, "INIT_SENT" not in west.tail(500), "states are in the log without level debug")
    return complaints


def _broken_crypto(plan):
    """A library that refuses its algorithms: the daemon must not start."""
    connection = Connection(End("east.example", plan.east_address, list(plan.nets["east"])),
                            End("west.example", plan.west_address, list(plan.nets["west"])))
    east = Sallyport(plan.east, connection, "east")
    broken = east.folder / "openssl.cnf"
    broken.write_text("openssl_conf = init\n[init]\nalg_section = evp\n[evp]\ndefault_properties = fips=yes\n")
    real = os.path.realpath(subprocess.run(["openssl", "version", "-d"], capture_output=True, text=True).stdout.split('"')[1] + "/openssl.cnf")
    hide = ["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
            f'mount --make-rprivate / 2>/dev/null; mount --bind {broken} {real} || exit 77; exec "$@"', "sh"]
    done = plan.east.run([*hide, *east.daemon_words()], check=False, timeout=20)
    said = done.stdout + done.stderr
    complaints = []
    _require(complaints, done.returncode == 1, f"exit code {done.returncode}, expected 1: {said}")
    _require(complaints, "self-test" in said, f"the daemon does not say why: {said}")
    return complaints


CASES = {"keys-killed-in-handshake": _keys_killed_in_handshake, "keys-cannot-come-back": _keys_cannot_come_back,
         "forbidden-call": _forbidden_call, "secrets-stay": _secrets_stay, "states-traced": _states_traced,
         "refuse-broken-crypto": _broken_crypto}
NAMES = list(CASES)


def play(name, keep=False):
    """Runs one case; returns (passed, text)."""
    with Lab(keep=keep) as lab:
        plan = Plan(lab)
        try:
            complaints = CASES[name](plan)
        except (RuntimeError, TimeoutError, OSError, subprocess.TimeoutExpired) as why:
            complaints = [f"{type(why).__name__}: {why}"]
    return not complaints, "\n".join(complaints) or "as it should be"
