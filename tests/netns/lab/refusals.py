"""What goes wrong on purpose: each refusal must exit non-zero with one sentence at the command and leave a line in both logs."""
import dataclasses
import re
import subprocess

from .connection import Connection, End
from .sallyport import Sallyport, program
from .space import Lab, Plan


@dataclasses.dataclass
class Refusal:
    """spoil(connection) changes what west believes. says: pattern of the command's sentence; logs: pattern in east's and west's log."""
    name: str
    spoil: callable
    says: str
    east_log: str
    west_log: str
    exit_code: int


def _secret(connection):
    connection.secret = "another secret altogether"


def _identity(connection):
    connection.east.identity = "somebody.else.example"


def _proposal(connection):
    connection.ike = "aes128gcm16-prfsha384-ecp384"


def _selectors(connection):
    connection.west.nets, connection.east.nets = ["10.77.0.0/24"], ["10.78.0.0/24"]


REFUSALS = [
    Refusal("refuse-wrong-psk", _secret, r"(?i)authenticat|pre-shared", r"(?i)authentication", r"(?i)authentication", 6),
    Refusal("refuse-wrong-identity", _identity, r"(?i)authenticat|identity", r"(?i)authentication|identity", r"(?i)identity|authentication", 6),
    Refusal("refuse-no-proposal", _proposal, r"(?i)proposal", r"(?i)proposal", r"(?i)proposal", 4),
    Refusal("refuse-selectors", _selectors, r"(?i)traffic selector|TS_UNACCEPTABLE", r"(?i)traffic selector|TS_UNACCEPTABLE",
            r"(?i)traffic selector|TS_UNACCEPTABLE", 4),
]
NAMES = [*(refusal.name for refusal in REFUSALS), "refuse-peer-absent", "refuse-port-taken", "refuse-no-tun", "refuse-ah-no-raw"]


def _connection(plan):
    return Connection(End("east.example", plan.east_address, list(plan.nets["east"])), End("west.example", plan.west_address, list(plan.nets["west"])),
                      encap=False)


def _check(what, pattern, text):
    return [] if re.search(pattern, text) else [f"{what} does not say /{pattern}/:\n{text.strip()[-1500:]}"]


def _peer_refuses(plan, refusal):
    other = _connection(plan)
    refusal.spoil(other)
    west = Sallyport(plan.west, other, "west").start()
    east = Sallyport(plan.east, _connection(plan), "east").start()
    done = east.up()
    said = done.stdout + done.stderr
    complaints = _check("the command", refusal.says, said) + _check("east's log", refusal.east_log, east.tail(200)) + \
        _check("west's log", refusal.west_log, west.tail(200))
    if done.returncode != refusal.exit_code:
        complaints.append(f"the command's exit code is {done.returncode}, expected {refusal.exit_code}: {said.strip()}")
    return complaints


def _peer_absent(plan):
    east = Sallyport(plan.east, _connection(plan), "east").start()
    done = east.command("up", "--wait=4s", "net", timeout=40)
    said = done.stdout + done.stderr
    complaints = _check("the command", r"(?i)no (answer|reply|response)|did not answer|time", said)
    return complaints + ([] if done.returncode == 5 else [f"exit code {done.returncode}, expected 5: {said.strip()}"])


def _daemon_refuses(plan, wrap, pattern):
    """The daemon itself must end, with one sentence."""
    east = Sallyport(plan.east, _connection(plan), "east")
    done = plan.east.run([*wrap, program("sallyportd"), "--config", east.file], check=False, timeout=20)
    said = done.stdout + done.stderr
    return _check("the daemon", pattern, said) + ([] if done.returncode not in (0, -6, -11, 134, 139) else [f"exit code {done.returncode}"])


def _port_taken(plan):
    holder = plan.east.start(["/usr/bin/python3", "-c", "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); "
                              "s.bind(('0.0.0.0',500)); print('bound',flush=True); time.sleep(60)"], stdout=subprocess.PIPE)
    holder.stdout.readline()
    return _daemon_refuses(plan, [], r"(?i)port 500|:500|500.*in use")


def _no_tun(plan):
    # In a mount namespace of its own /dev/net/tun is /dev/null: opening works, the device is not there.
    hide = ["unshare", "-m", "--propagation", "unchanged", "sh", "-c", 'mount --make-rprivate / 2>/dev/null; mount --bind /dev/null /dev/net/tun; exec "$@"', "sh"]
    return _daemon_refuses(plan, hide, r"(?i)tun")


def _ah_without_raw_sockets(plan):
    """A daemon that may not open raw sockets carries ESP in UDP, but no AH."""
    connection = _connection(plan)
    connection.child = {"ah": ["sha256"], "esp": None}
    east = Sallyport(plan.east, connection, "east")
    wrap = ["setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw"]
    done = plan.east.run([*wrap, program("sallyportd"), "--config", east.file], check=False, timeout=20)
    said = done.stdout + done.stderr
    return _check("the daemon", r"raw socket for AH may not be opened .*, and AH is configured", said) + \
        ([] if done.returncode == 1 else [f"exit code {done.returncode}: {said}"])


def play(name, keep=False):
    """Runs one refusal; returns (passed, text)."""
    with Lab(keep=keep) as lab:
        plan = Plan(lab)
        try:
            special = {"refuse-peer-absent": _peer_absent, "refuse-port-taken": _port_taken, "refuse-no-tun": _no_tun,
                       "refuse-ah-no-raw": _ah_without_raw_sockets}
            if name in special:
                complaints = special[name](plan)
            else:
                complaints = _peer_refuses(plan, next(refusal for refusal in REFUSALS if refusal.name == name))
        except (RuntimeError, TimeoutError, subprocess.TimeoutExpired) as why:
            complaints = [f"{type(why).__name__}: {why}"]
    return not complaints, "\n".join(complaints) or "refused, with its sentence"
