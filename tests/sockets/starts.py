"""How `sallyport run` is started, and what it refuses to start: cases of run.py. Each takes a Talk."""
import json
import os
import shutil
import signal
import subprocess
import time

from evidence import Wires, ended, program, ready
from lab.isolation import Failure
from lab.traffic import BUILD
from programs import HERE, NOBODY, SALLYPORT, run, supervisors

LIBRARY = BUILD / "src" / "api" / "libsallyport-preload.so"
PYTHON = ["/usr/bin/python3", "-c"]
MAKES_ONE = "import socket; print(socket.socket())"
# Makes the descriptor, leaves it to what it executes.
HANDS_ON = "import ctypes, os, socket, sys\nfd = {}\nos.set_inheritable(fd, True)\nos.execv(sys.argv[1], sys.argv[1:])"
TAKEN = {"tcp": "socket.socket().detach()", "udp over v6": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).detach()",
         "packet": "socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0).detach()", "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).detach()",
         "io_uring": "ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120))"}


def space_of(process):
    try:
        return os.stat(f"/proc/{process}/ns/net").st_ino
    except OSError:  # it has ended
        return None


def supervisor_beside(process):
    """The one in the program's network namespace, which no other test shares."""
    [found] = [each for each in supervisors() if space_of(each) == space_of(process.pid)]
    return int(found)


def refused(talk, words, sentence, user=NOBODY):
    process = program(talk, "alice", [*user, *words])
    said = ended(process)
    if process.returncode != 126 or sentence not in said:
        raise Failure(f"{words} ended with {process.returncode}, not 126 and {sentence!r}: {said}")


def inherited(talk):
    """Nothing that carries IP in the clear is handed on, by either variant."""
    light = ["env", f"SALLYPORT_PRELOAD={LIBRARY}"]
    for name, maker in TAKEN.items():
        sentence = "is a ring of io_uring" if name == "io_uring" else "is a socket that is not secured"
        for options in ([], ["--preload"]):
            refused(talk, [*light, *PYTHON, HANDS_ON.format(maker), SALLYPORT, "run", *options, "--", "true"], sentence, user=[])
    unix = "socket.socket(socket.AF_UNIX).detach()"
    said = ended(program(talk, "alice", [*NOBODY, *PYTHON, HANDS_ON.format(unix), SALLYPORT, "run", "--", "echo", "started"]))
    if said != "started\n":
        raise Failure(f"a Unix socket is handed on: {said}")
    refused(talk, ["unshare", "-m", "sh", "-c", f"umount -l /proc && exec {SALLYPORT} run -- true"], "is not known", user=[])
    return f"{len(TAKEN)} kinds refused by both variants; a Unix socket is handed on"


def odd_starts(talk):
    """Closed standard descriptors, a parent without SIGCHLD, a relative path, SIGTERM for a whole service."""
    mark = talk.stage.lab.folder / "made"
    shell = f"cd {talk.stage.members['alice'].socket.parent} && {SALLYPORT} run -- $0 -c \"import socket; socket.socket(); open('{mark}', 'w').write('made')\""
    for closed in ("", "<&-", "<&- >&-", "<&- >&- 2>&-"):
        mark.write_text("")
        mark.chmod(0o666)
        said = ended(program(talk, "alice", [*NOBODY, "sh", "-c", f"{shell} {closed}", PYTHON[0]]))
        if mark.read_text() != "made":
            raise Failure(f"with {closed}: {said}")
    said = ended(program(talk, "alice", ["env", "SALLYPORT_SOCKETS=sockets.sock", "sh", "-c", shell.replace("; socket.socket()", "; print(socket.socket())"), PYTHON[0]]))
    if "family=2" not in said:
        raise Failure(f"with a relative path: {said}")
    ignores = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nos.execv(sys.argv[1], sys.argv[1:])"
    said = ended(program(talk, "alice", [*NOBODY, *PYTHON, ignores, SALLYPORT, "run", "--", *PYTHON, MAKES_ONE]))
    if "family=2" not in said:
        raise Failure(f"with SIGCHLD ignored: {said}")
    later = "import socket, sys\nprint('runs', flush=True)\nsys.stdin.readline()\nprint(socket.socket(), flush=True)\nsys.stdin.readline()"
    time.sleep(0.5)  # those of the programs before have ended
    server = ready(run(talk, "alice", [*PYTHON, later], stdin=subprocess.PIPE), "runs")
    os.kill(supervisor_beside(server), signal.SIGTERM)
    time.sleep(0.3)
    said = ended(server)
    if "family=2" not in said:
        raise Failure(f"when all of a service get SIGTERM: {said}")
    return "sockets in all of them"


def preload_refuses(talk):
    """What the dynamic linker would pass over is not started: it would run in the clear."""
    folder = talk.stage.lab.folder / "a b"
    folder.mkdir()
    shutil.copy(LIBRARY, folder / "preload.so")
    static, other, rights = folder / "static", folder / "other", folder / "rights"
    subprocess.run(["cc", "-static", "-O1", "-o", static, HERE / "answerer.c"], check=True)
    octets = bytearray(static.read_bytes())
    octets[4] = 1  # EI_CLASS
    other.write_bytes(octets)
    shutil.copy("/usr/bin/true", rights)
    script = folder / "script"
    script.write_text(f"#! {talk.stage.lab.folder}/plain-static\n")
    shutil.copy(static, talk.stage.lab.folder / "plain-static")
    for each in (folder, static, other, script):
        each.chmod(0o755)
    rights.chmod(0o4755)
    rows = [(LIBRARY, static, "is a static program"), (LIBRARY, other, "is of another architecture"), (LIBRARY, rights, "has rights of its own"),
            (LIBRARY, script, "is a static program"), (folder / "preload.so", "true", "no path that LD_PRELOAD can carry"),
            ("/etc/passwd", "true", "/etc/passwd"), ("/usr/lib/x86_64-linux-gnu/libc.so.6", "true", "does not secure sockets"), ("relative.so", "true", "no path that")]
    for library, command, sentence in rows:
        refused(talk, ["env", f"SALLYPORT_PRELOAD={library}", SALLYPORT, "run", "--preload", "--", command], sentence)
    return f"{len(rows)} refusals"


def root_has_no_way(talk):
    """Root's programs cannot send one packet by another way, nor take a socket out of another process."""
    wires = Wires(talk, "root's control messages")
    tries = ("import errno, json, os, socket, struct, subprocess\n"
             "sent = {}\n"
             "for family, to in ((socket.AF_INET, '192.0.2.2'), (socket.AF_INET6, '2001:db8:1::2')):\n"
             "  s = socket.socket(family, socket.SOCK_DGRAM)\n"
             "  try: s.sendmsg([b'by its own mark'], [(socket.SOL_SOCKET, 36, struct.pack('I', 0))], 0, (to, 4000)); sent[to] = 'sent'\n"
             "  except OSError as refused: sent[to] = errno.errorcode[refused.errno]\n"
             "print(json.dumps([sorted(set(sent.values())), [int(line.split()[1], 16) & 0x3000 for line in open('/proc/self/status') if line[:3] == 'Cap'], os.getuid()]))")
    said = ended(run(talk, "alice", [*PYTHON, tries], user=[]))
    if json.loads(said) != [["EPERM"], [0] * 5, 0]:
        raise Failure(f"root's program: {said}")
    weak = ["setpriv", "--bounding-set=-setpcap"]
    said = ended(run(talk, "alice", [*PYTHON, tries], user=weak))
    if json.loads(said)[0] != ["EPERM"]:
        raise Failure(f"root without CAP_SETPCAP: {said}")
    time.sleep(1)
    wires.judge(esp=False)
    return "no mark of its own, with CAP_SETPCAP and without"


CASES = {"inherited": inherited, "odd-starts": odd_starts, "preload-refuses": preload_refuses, "root": root_has_no_way}
