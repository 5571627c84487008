"""Programs as they are under `sallyport run`: cases of run.py. Each takes a Talk; the wire judges."""
import json
import os
import pathlib
import signal
import subprocess
import time

from evidence import Wires, ended, holder, program, ready
from lab import peers
from lab.isolation import FAMILIES, Failure
from lab.space import wait_until
from lab.traffic import BUILD

HERE = pathlib.Path(__file__).resolve().parent
SALLYPORT = BUILD / "src" / "cli" / "sallyport"
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
PORT = 27017
# http.server without its look-up of the host's name, for which there is no resolver here.
PAGES = ("import http.server, socket, socketserver, sys\nclass Server(http.server.HTTPServer):\n"
         " address_family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET\n def server_bind(self):\n  socketserver.TCPServer.server_bind(self)\n"
         "  self.server_name, self.server_port = self.server_address[:2]\nServer((sys.argv[1], int(sys.argv[2])), http.server.SimpleHTTPRequestHandler).serve_forever()")
POSTGRES = "/usr/lib/postgresql/15/bin"


def under(words, *options, user=NOBODY):
    return [*user, SALLYPORT, "run", *options, "--", *words]


def run(talk, host, words, *options, user=NOBODY, **more):
    return program(talk, host, under(words, *options, user=user), **more)


class Unpacked:
    """Servers of the set `programs`, each with the unpacked tree over /usr, a folder of its own and no service started."""

    def __init__(self, talk):
        self.talk, self.prefix = talk, peers.fetch("programs")
        self.folder = talk.stage.lab.folder / "programs"
        self.folder.mkdir()
        (self.folder / "run").mkdir()
        for each in (self.folder, self.folder / "run"):
            os.chown(each, 65534, 65534)

    def start(self, host, words, *options):
        words = peers.command(self.prefix, [str(word) for word in under(words, *options)], self.folder / "run")
        return program(self.talk, host, words)

    def plainly(self, host, words):
        """Without `sallyport run`, to its end."""
        done = program(self.talk, host, peers.command(self.prefix, [*NOBODY, *map(str, words)], self.folder / "run"))
        said = ended(done, 90)
        if done.returncode != 0:
            raise Failure(f"{words}: {said}")


def answered(talk, client, wanted, why, patience=20):
    """The server needs a moment before its port is there and known."""
    end = time.monotonic() + patience
    while True:
        said = ended(client(), 30)
        if wanted in said:
            return
        if time.monotonic() > end:
            raise Failure(f"{why}: {said}")
        time.sleep(0.3)


def nginx(talk):
    unpacked = Unpacked(talk)
    folder = unpacked.folder
    (folder / "page.txt").write_text("a page that nobody on the wire may read\n" * 2000)
    for family in FAMILIES:
        address = talk.stage.wire.address("bob", family)
        host = f"[{address}]" if ":" in address else address
        paths = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(f"daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log stderr;\nevents {{}}\n"
                                           f"http {{ access_log off; {paths} server {{ listen {host}:{PORT}; root {folder}; }} }}\n")
        wires = Wires(talk, f"curl to nginx over {family}")
        server = unpacked.start("bob", ["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf"], "--require-encryption")
        answered(talk, lambda: run(talk, "alice", ["curl", "-sS", "--max-time", "15", f"http://{host}:{PORT}/page.txt"]), "nobody on the wire" , f"curl over {family}")
        many = ended(run(talk, "alice", ["curl", "-sS", "--max-time", "20", "-w", "%{http_code} %{size_download}\n", "-o", "/dev/null",
                                         f"http://{host}:{PORT}/page.txt", "-o", "/dev/null", f"http://{host}:{PORT}/page.txt"]), 40)
        if many.split() != ["200", "80000"] * 2:
            raise Failure(f"curl over {family} says {many}")
        server.terminate()
        server.wait()
        wires.judge()
    return "pages of nginx by curl, in ESP alone"


def redis(talk):
    unpacked = Unpacked(talk)
    for family in FAMILIES:
        address = talk.stage.wire.address("bob", family)
        wires = Wires(talk, f"redis over {family}")
        server = unpacked.start("bob", ["/usr/bin/redis-server", "--bind", address, "--port", PORT, "--save", "", "--protected-mode", "no",
                                        "--dir", unpacked.folder])
        answered(talk, lambda: unpacked.start("alice", ["/usr/bin/redis-cli", "-h", address, "-p", PORT, "SET", "key", "value"]), "OK", f"redis-cli over {family}")
        answered(talk, lambda: unpacked.start("alice", ["/usr/bin/redis-cli", "-h", address, "-p", PORT, "GET", "key"]), "value", f"redis-cli over {family}")
        server.terminate()
        server.wait()
        wires.judge()
    return "redis-cli to redis-server, in ESP alone"


def postgres(talk):
    unpacked = Unpacked(talk)
    data = unpacked.folder / "data"
    unpacked.plainly("bob", [f"{POSTGRES}/initdb", "-D", data, "-U", "somebody", "-A", "trust", "--locale=C", "-N"])
    with open(data / "pg_hba.conf", "a", encoding="ascii") as rules:
        rules.write("host all all 192.0.2.0/24 trust\nhost all all 2001:db8:1::/64 trust\n")
    addresses = ",".join(talk.stage.wire.address("bob", family) for family in FAMILIES)
    wires = Wires(talk, "psql")
    server = unpacked.start("bob", [f"{POSTGRES}/postgres", "-D", data, "-k", unpacked.folder, "-h", addresses, "-p", PORT])
    for family in FAMILIES:
        words = [f"{POSTGRES}/psql", "-h", talk.stage.wire.address("bob", family), "-p", PORT, "-U", "somebody", "-d", "postgres", "-At", "-c",
                 "select sum(n) from generate_series(1, 1000) n"]
        answered(talk, lambda: unpacked.start("alice", words), "500500", f"psql over {family}")
    server.send_signal(signal.SIGINT)
    server.wait()
    wires.judge()
    return "psql to PostgreSQL, in ESP alone"


def iperf3(talk):
    told = []
    for family in FAMILIES:
        address = talk.stage.wire.address("bob", family)
        wires = Wires(talk, f"iperf3 over {family}")
        server = run(talk, "bob", ["iperf3", "-s", "-B", address, "-p", PORT])
        time.sleep(1)
        said = json.loads(ended(run(talk, "alice", ["iperf3", "-c", address, "-p", PORT, "-t", 2, "-J"]), 30))
        if "error" in said:
            raise Failure(f"iperf3 over {family}: {said['error']}")
        told.append(f"{said['end']['sum_received']['bits_per_second'] / 1e9:.2f}")
        server.terminate()
        server.wait()
        wires.judge()
    return f"{' and '.join(told)} Gbit/s, in ESP alone"


def static_program(talk):
    folder = talk.stage.lab.folder
    binary = folder / "answerer"
    subprocess.run(["cc", "-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", binary, HERE / "answerer.c"], check=True)
    for family in FAMILIES:
        address = talk.stage.wire.address("bob", family)
        wires = Wires(talk, f"static programs over {family}")
        server = ready(run(talk, "bob", [binary, "serve", address, PORT + len(family) + (family == "v6")]), "bound")
        said = ended(run(talk, "alice", [binary, "ask", address, PORT + len(family) + (family == "v6"), "quiet words"]))
        server.wait()
        if said != "QUIET WORDS\n":
            raise Failure(f"over {family}: {said}")
        wires.judge()
    return "static programs at both ends, in ESP alone"


def attempts(talk):
    """What gets a socket, and every way past the supervisor, as nobody and as root."""
    wanted = {"tcp": "made", "tcp6": "made", "udp": "made", "unix": "made", "netlink": "made", "raw": "EPERM", "ping": "EACCES",
              "sctp": "EPROTONOSUPPORT", "mptcp": "EPROTONOSUPPORT", "packet": "EAFNOSUPPORT", "xdp": "EAFNOSUPPORT", "smc": "EAFNOSUPPORT",
              "io_uring": "ENOSYS", "mark": "EPERM", "another's descriptor": "EPERM", "other numbers": "ENOSYS"}
    for user in (NOBODY, []):
        said = json.loads(ended(run(talk, "alice", ["/usr/bin/python3", HERE / "trapped.py", "attempts"], user=user)))
        if said != wanted:
            raise Failure(f"as {user}: {said}")
        named = json.loads(ended(run(talk, "alice", ["/usr/bin/python3", HERE / "trapped.py", "attempts"], "--peer", "bob.example", user=user)))
        if named != {**wanted, "udp": "EACCES"}:
            raise Failure(f"as {user} with a peer: {named}")
    return f"{len(wanted)} attempts as nobody and as root"


def supervisors():
    return {path.name for path in pathlib.Path("/proc").glob("[0-9]*") if _name(path) == "sallyport-run"}


def _name(path):
    try:
        return (path / "comm").read_text().strip()
    except OSError:
        return ""


def manners(talk):
    """Exit codes, words, inherited sockets; children live on, and the supervisor as long as they."""
    def code(words, *options, **more):
        process = run(talk, "alice", words, *options, **more)
        said = ended(process)
        return process.returncode, said
    rows = [(code(["sh", "-c", "exit 7"]), 7, ""), (code(["/usr/bin/no-such-program"]), 127, "No such file"), (code(["/etc"]), 126, "Permission denied"),
            (code([]), 2, "which program"), (code(["true"], "--peer", ""), 2, "a name has"), (code(["true"], "--policy", "nonsense"), 2, "is no key"),
            (code(["true"], "--policy", "00112233-4455-6677-8899-aabbccddeeff"), 126, "does not secure such a socket"),
            (code(["true"], "--require-encryption", "--allow-insecure"), 2, "excludes"),
            (code(["sh", "-c", "kill -TERM $$"]), -signal.SIGTERM, "")]
    for (got, said), wanted, words in rows:
        if got != wanted or words not in said:
            raise Failure(f"{got} with {said!r} where {wanted} with {words!r} is wanted")
    inherits = "import os, socket, sys; s = socket.socket(); os.set_inheritable(s.fileno(), True); os.execv(sys.argv[1], sys.argv[1:])"
    said = ended(program(talk, "alice", ["/usr/bin/python3", "-c", inherits, SALLYPORT, "run", "--", "true"]))
    if "is a socket that is not secured" not in said:
        raise Failure(f"an inherited socket: {said}")
    before = supervisors()
    child = "import os, socket, sys, time\nif os.fork(): sys.exit()\nos.setsid()\ntime.sleep(1.5)\nsocket.socket()\nopen(sys.argv[1], 'w').write('made')"
    mark = talk.stage.lab.folder / "mark"
    mark.write_text("")
    mark.chmod(0o666)
    ended(run(talk, "alice", ["/usr/bin/python3", "-c", child, mark]))
    if len(supervisors() - before) != 1:
        raise Failure("the supervisor does not live as long as the program's child")
    wait_until(lambda: mark.read_text() == "made", 10, "the child's socket")
    wait_until(lambda: not supervisors() - before, 5, "the supervisor to end with the last process")
    return f"{len(rows)} ends, and a child that outlives its parent"


def closed(talk):
    """The daemon is killed, then the supervisor: no socket any more, and nothing in the clear by the old one."""
    address = talk.stage.wire.address("bob", "v4")
    wires = Wires(talk, "daemon and supervisor killed")
    server = ready(holder(talk, "bob", "sink", address, PORT), "bound")
    send = ("import socket, sys, time\ns = socket.create_connection((sys.argv[1], int(sys.argv[2])), 15)\nprint('connected', flush=True)\n"
            "s.settimeout(0.5)\nwhile True:\n try: s.send(b'quiet words ' * 50)\n except TimeoutError: pass\n time.sleep(0.02)")
    sender = ready(run(talk, "alice", ["/usr/bin/python3", "-c", send, address, PORT]), "connected")
    before = supervisors()
    asker = run(talk, "alice", ["/usr/bin/python3", HERE / "trapped.py", "later"], stdin=subprocess.PIPE)

    def asks(wanted):
        asker.stdin.write("\n")
        asker.stdin.flush()
        if (line := asker.stdout.readline().strip()) != wanted:
            raise Failure(f"{line} instead of {wanted}")
    asks("made")
    talk.stage.members["alice"].kill()
    asks("ENETDOWN")
    time.sleep(1)
    said = ended(run(talk, "alice", ["true"]))
    if "no daemon secures sockets here" not in said:
        raise Failure(f"without a daemon: {said}")
    [mine] = supervisors() - before
    os.kill(int(mine), signal.SIGKILL)
    time.sleep(0.3)
    asks("ENOSYS")
    time.sleep(1)
    for process in (sender, server, asker):
        process.kill()
        process.wait()
    wires.judge()
    return "no daemon: ENETDOWN; no supervisor: ENOSYS; nothing in the clear"


def named_peer(talk):
    """--peer: the right name answers, the wrong one does not."""
    address = talk.stage.wire.address("bob", "v4")
    for name, good in (("bob.example", True), ("mallory.example", False)):
        wires = Wires(talk, f"--peer {name}")
        server = run(talk, "bob", ["/usr/bin/python3", "-c", PAGES, address, PORT])
        time.sleep(1)
        said = ended(run(talk, "alice", ["curl", "-sS", "--max-time", "4", f"http://{address}:{PORT}/"], "--peer", name))
        server.kill()
        server.wait()
        if ("Directory listing" in said) != good:
            raise Failure(f"--peer {name}: {said}")
        wires.judge(esp=good)
    return "bob.example answers, mallory.example is not there"


def settings(talk):
    """--allow-insecure reaches a plain server; --policy names the daemon's own context, which the status of the SA shows."""
    own = "8c2d4144-f8e0-42c0-94ce-7ccfc63b2f9b"
    for family in FAMILIES:
        address = talk.stage.wire.address("bob", family)
        plain = talk.stage.host("bob").start(["/usr/bin/python3", "-c", PAGES, address, PORT])
        host = f"[{address}]" if ":" in address else address
        words = ["curl", "-sS", "--max-time", "8", f"http://{host}:{PORT}/"]
        answered(talk, lambda: run(talk, "alice", words, "--allow-insecure"), "Directory listing", f"--allow-insecure over {family}")
        closed = ended(run(talk, "alice", [*words[:3], "3", words[4]]))
        if "timed out" not in closed:
            raise Failure(f"without it over {family}: {closed}")
        plain.kill()
        plain.wait()
    address = talk.stage.wire.address("bob", "v4")
    wires = Wires(talk, "--policy")
    server = run(talk, "bob", ["/usr/bin/python3", "-c", PAGES, address, PORT + 1], "--policy", own)
    answered(talk, lambda: run(talk, "alice", ["curl", "-sS", "--max-time", "8", f"http://{address}:{PORT + 1}/"], "--policy", own),
             "Directory listing", "--policy")
    server.kill()
    server.wait()
    wires.judge()
    return "a plain server by --allow-insecure and not without it; by --policy in ESP alone"


def preload(talk):
    """The light variant, at both ends."""
    library = BUILD / "src" / "api" / "libsallyport-preload.so"
    words = ["env", f"SALLYPORT_PRELOAD={library}"]
    address = talk.stage.wire.address("bob", "v6")
    wires = Wires(talk, "--preload")
    server = program(talk, "bob", [*NOBODY, *words, SALLYPORT, "run", "--preload", "--", "/usr/bin/python3", "-m", "http.server", PORT, "--bind", address])
    time.sleep(1)
    said = ended(program(talk, "alice", [*NOBODY, *words, SALLYPORT, "run", "--preload", "--require-encryption", "--", "curl", "-sS", "--max-time", "8",
                                         f"http://[{address}]:{PORT}/"]))
    server.kill()
    server.wait()
    if "Directory listing" not in said:
        raise Failure(f"curl says {said}")
    wires.judge()
    return "curl to http.server, in ESP alone"


CASES = {"nginx": nginx, "redis": redis, "postgres": postgres, "iperf3": iperf3, "static": static_program, "attempts": attempts, "manners": manners,
         "closed": closed, "settings": settings, "preload": preload}
