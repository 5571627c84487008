"""Who may call about sockets, and for whom files are opened as their peers: cases of run.py. Each makes its Talks by what it is given."""
import json
import os
import pathlib
import shutil
import subprocess
import time

from evidence import HERE, ended, program
from lab.isolation import Failure
from lab.space import Lab, wait_until

PORT = 27017
PYTHON = os.path.realpath("/usr/bin/python3")
UNIFIED = next((pathlib.Path(line.split()[1]) for line in open("/proc/mounts") if line.split()[2] == "cgroup2"), None)
SECURES = ("import ctypes, errno, os, socket\nlibrary = ctypes.CDLL(os.environ['SALLYPORT_LIBRARY'], use_errno=True)\n"
           "s = socket.socket()\nprint('ok' if library.sallyport_set_security(s.fileno(), None) == 0 else errno.errorcode[ctypes.get_errno()])")


def as_user(user, *groups):
    return ["setpriv", f"--reuid={user}", f"--regid={user if user != 'nobody' else 'nogroup'}", *([f"--groups={','.join(groups)}"] if groups else ["--clear-groups"])]


def rule(**keys):
    return "[[secure_sockets.caller]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


def log_of(talk, host):
    return talk.stage.members[host].command("log").stdout


def worker_of(member):
    """The process id of the daemon's worker, in a list."""
    return subprocess.run(["pgrep", "-P", str(member.process.pid), "-x", "sallyport-work"], capture_output=True, text=True).stdout.split()


class Cgroup:
    """A cgroup of version 2 for a while; none where none can be made."""

    def __init__(self, name):
        self.path = UNIFIED / name if UNIFIED else None
        try:
            if self.path:
                self.path.mkdir()
        except OSError:
            self.path = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.path:
            time.sleep(0.2)
            self.path.rmdir()

    def words(self):
        return ["sh", "-c", f"echo $$ > {self.path}/cgroup.procs && exec \"$@\"", "sh"]


def callers(lab, make):
    """By group, program, cgroup and user; by name in the log; and by new rules after a reload."""
    copy, at = lab.folder / "python", f"sallyport-test-{os.getpid()}"
    shutil.copy(PYTHON, copy)
    rules = (rule(name="no daemons", action="refuse", group=["daemon"]) + rule(name="copies", action="refuse", executable=[str(copy)], user="nobody") +
             rule(action="allow", cgroup=f"/{at}-good*") + rule(name="wrong cgroup", action="refuse", cgroup=[f"/{at}-bad", "/no/such"]) +
             rule(action="allow", group="games") + rule(action="allow", executable=["/usr/bin/nothing", "/usr/bin/python3.*"], user=["nobody", "4000000"]))
    talk = make(lab, change=lambda _, text: text + rules)
    lab.folder.chmod(0o711)

    def tried(who, python=PYTHON, before=()):
        return ended(program(talk, "alice", ["env", "PYTHONHOME=/usr", *before, *as_user(*who), python, "-c", SECURES])).strip()

    spoof = ["unshare", "-m", "sh", "-c", f"mount --bind {copy} {PYTHON} && exec \"$@\"", "sh"]
    rows = [(("nobody",), {}, "ok", None), (("nobody", "daemon"), {}, "EACCES", 'rule "no daemons"'), (("nobody", "bin", "games"), {}, "ok", None),
            (("nobody",), {"python": str(copy)}, "EACCES", 'rule "copies"'), (("nobody",), {"before": spoof}, "EACCES", 'rule "copies"'),
            (("bin",), {}, "EACCES", "no rule"), (("bin", "games"), {"python": str(copy)}, "ok", None)]
    with Cgroup(f"{at}-good1") as good, Cgroup(f"{at}-bad") as bad:
        if good.path and bad.path:
            rows += [(("bin",), {"before": good.words()}, "ok", None), (("bin", "games"), {"before": bad.words()}, "EACCES", 'rule "wrong cgroup"')]
        for who, how, wanted, sentence in rows:
            if (got := tried(who, **how)) != wanted:
                raise Failure(f"{who} {how}: {got}, not {wanted}")
            if sentence and sentence not in log_of(talk, "alice").splitlines()[-1]:
                raise Failure(f"{who} {how}: the log has no {sentence}: {log_of(talk, 'alice')[-500:]}")
        made = good.path and bad.path
    member = talk.stage.members["alice"]
    worker = worker_of(member)
    member.file.write_text(member.file.read_text().replace('"games"', '"bin"').replace('[secure_sockets]\n', '[secure_sockets]\nidentify_only = ["bin"]\n'))
    member.command("reload", check=True)
    for who, wanted in ((("bin",), "ok"), (("nobody", "games"), "ok"), (("games",), "EACCES")):
        if (got := tried(who)) != wanted:
            raise Failure(f"after a reload, {who}: {got}, not {wanted}")
    if not worker or worker_of(member) != worker:
        raise Failure(f"the reload ended the worker: {worker}, {worker_of(member)}")
    return f"{len(rows)} callers by group, program{', cgroup' if made else ' (no cgroup of version 2 can be made here)'} and user; a renamed copy does not pass; reloaded"


WANTED = {"directly": "EACCES", "own": "of daemon\n", "other": "EACCES", "relative": "of daemon\n", "link": "of daemon\n", "link itself": "ELOOP",
          "above the root": "of daemon\n", "missing": "ENOENT", "empty": "ENOENT", "appended": 5, "then": "of daemon\nmore\n", "other written": "EACCES",
          "made": 5, "made again": "EEXIST", "made before": "made\n", "made where it may not": "EACCES", "by a dangling link": "EEXIST",
          "folder": ["dangling", "made"], "no folder": "ENOTDIR", "fifo": "EACCES", "device": "EACCES", "proc": "EACCES", "by proc": "ELOOP", "setuid": "EINVAL",
          "O_PATH": "EINVAL", "too long": "ENAMETOOLONG", "directly again": "EACCES"}
WRITES = ("appended", "other written", "made", "made again", "made before", "made where it may not", "by a dangling link")
# Nothing is opened, so that the errors of opening do not come; what is asked wrongly is told first.
ASKED_WRONGLY = {name: WANTED[name] for name in ("empty", "setuid", "O_PATH", "too long")}


def files_in(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o711)
    for name, account, text in (("own", "daemon", "of daemon\n"), ("still", "daemon", "still\n"), ("other", "bin", "of bin\n")):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
        shutil.chown(folder / name, account, account)
    (folder / "home").mkdir(mode=0o700)
    (folder / "home" / "dangling").symlink_to("nowhere")
    shutil.chown(folder / "home", "daemon", "daemon")
    (folder / "link").symlink_to(folder / "own")
    os.mkfifo(folder / "fifo")
    (folder / "fifo").chmod(0o666)


def broker(lab, make):
    """An unprivileged server opens what its caller may, from many threads, if the administrator lets it."""
    rules = (rule(name="server", action="allow", user="nobody", executable=PYTHON, broker="write") + rule(action="allow", user="games", broker="read") +
             rule(action="allow"))
    lab.folder.chmod(0o711)
    folder = lab.folder / "files"
    read_only = {**WANTED, **{name: "EACCES" for name in WRITES}, "then": "of daemon\n", "folder": ["dangling"]}
    nothing = {**{name: "EACCES" for name in WANTED}, **ASKED_WRONGLY}
    runs = []
    for head in ("", "split = false\n"):
        with Lab() as inner:
            talk = make(inner, 'account_map = "accounts"\n' + rules, head, {"accounts": "daemon  O=Example, CN=alice.example\n"})
            member = talk.stage.members["bob"]
            for user, account, wanted in (("nobody", "daemon", WANTED), ("games", "daemon", read_only), ("bin", "daemon", nothing),
                                          ("nobody", "root", nothing), ("nobody", "no-such-account", nothing), ("nobody", None, nothing)):
                (member.folder / "accounts").write_text(f"{account}  O=Example, CN=alice.example\n" if account else "")
                member.command("reload", check=True)
                files_in(folder)
                before = len(os.listdir(f"/proc/{member.process.pid}/fd"))
                process = program(talk, "bob", [*as_user(user), PYTHON, HERE / "opener.py", talk.stage.wire.address("bob", "v4"), PORT, folder, 12])
                line = process.stdout.readline()
                if "bound" not in line:
                    raise Failure(f"{user}'s server: {line}{process.stdout.read()}")
                time.sleep(0.3)
                got = talk.ask("alice", "bob", "tcp", "v4", "0", 25, port=PORT)
                said = process.stdout.readline()
                process.kill()
                process.wait()
                told = json.loads(said)
                wrong = {name: (told["rows"].get(name), row) for name, row in wanted.items() if told["rows"].get(name) != row}
                if not got["answered"] or wrong or told["uid"] == 0:
                    raise Failure(f"{user} as {account}, {head or 'split'}: {got} {wrong}")
                if (told["crowd"] == "all good") != (wanted is not nothing):
                    raise Failure(f"{user} as {account}, {head or 'split'}: {told['crowd']}")
                made = folder / "home" / "made"
                if wanted is WANTED and (made.owner() != "daemon" or made.stat().st_mode & 0o7777 != 0o640):
                    raise Failure(f"what was made: {made.stat()}")
                if wanted is nothing and account == "daemon" and 'broker = "read"' not in log_of(talk, "bob"):
                    raise Failure(f"the log does not say why: {log_of(talk, 'bob')[-500:]}")
                wait_until(lambda: len(os.listdir(f"/proc/{member.process.pid}/fd")) <= before, 5, "the daemon's descriptors to go")
                if subprocess.run(["pgrep", "-x", "sallyport-open"], capture_output=True).returncode == 0 and not head:
                    raise Failure("a process that opens files is left")
                runs.append(user)
    return f"{len(runs)} servers, each of {len(WANTED)} tries and 12 threads: the caller's files alone, none without the right"
