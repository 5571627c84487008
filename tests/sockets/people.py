"""Users beside the machines, by certificates of an authority of their own, for run.py: each account of the client's host proves its own."""
import json
import pathlib
import shutil
import subprocess
import time

from lab.isolation import FAMILIES, Failure
from lab.pki import Authority
from lab.space import wait_until

HERE = pathlib.Path(__file__).resolve().parent
NOBODY, DAEMON, BIN = 65534, 1, 2
CARDS = {"nobody": "uma@example.org", "daemon": "dan@example.org"}


def _talk(lab, with_certificates, bob=""):
    """alice's accounts nobody and daemon have certificates; bob demands a user."""
    users = Authority(lab.folder / "users", "ecdsa", "Sallyport Test Users")
    files, alice = {"users.pem": users.certificate}, "user = { accounts = true }\n"
    for account, name in CARDS.items():
        files[f"{account}.pem"], files[f"{account}.key"] = users.leaf(name, "ecdsa")
        alice += f'[[user]]\naccount = "{account}"\ncertificate = "{account}.pem"\nkey = "{account}.key"\n'
    more = {"alice": 'keep_warm = "0s"\n' + alice, "bob": 'keep_warm = "0s"\nuser = { ca = "users.pem" }\n' + bob}
    return with_certificates(lab, lambda name: more[name], files=files)


def sas_gone(talk):
    """Bob has none any more."""
    status = json.loads(talk.stage.members["bob"].command("status", "--json", check=True).stdout)
    return not any(sa["children"] for sa in status["ike_sas"])


def identities(lab, with_certificates):
    """The server learns machine and user of each connection; an account without a certificate reaches nobody."""
    talk = _talk(lab, with_certificates)
    for family in FAMILIES:
        server = talk.serve("bob", "tcp", family, "encrypt")
        for uid, user in ((NOBODY, CARDS["nobody"]), (DAEMON, CARDS["daemon"])):
            wait_until(lambda: sas_gone(talk), 10, "the SAs of the user before to go")
            got = talk.ask("alice", "bob", "tcp", family, "encrypt", 12, uid=uid)
            if not got["answered"] or "bob.example" not in got["principal"] or got["clear"]:
                raise Failure(f"{user} over {family} learns {got}")
            told = json.loads(server.stdout.readline())
            if "alice.example" not in told["principal"] or user not in told["user"]:
                raise Failure(f"of {user} over {family} the server learns {told}")
        bad = talk.ask("alice", "bob", "tcp", family, "encrypt", 5, uid=BIN)
        if bad["answered"] or bad["clear"]:
            raise Failure(f"an account without a certificate over {family}: {bad}")
        server.kill()
        server.wait()
    return "each connection is of its machine and its user; an account without a certificate gets no answer"


def impersonation(lab, with_certificates):
    """The user's account counts where there is a user, and the machine's does not."""
    paths = []
    for account in ("daemon", "bin"):
        path = lab.folder / f"of-{account}"
        path.write_text(f"of {account}\n")
        path.chmod(0o600)
        shutil.chown(path, account, account)
        paths.append(path)
    accounts = lab.folder / "accounts"
    accounts.write_text(f"daemon  O=Example, CN={CARDS['nobody']}\nbin  O=Example, CN=alice.example\n")
    talk = _talk(lab, with_certificates, f'account_map = "{accounts}"\n')
    _, environment = talk.words("bob", "serve", "tcp", "bob", "v4", "0")
    server = talk.stage.host("bob").start(["/usr/bin/python3", HERE / "impersonator.py", talk.stage.wire.address("bob", "v4"), 27015, *paths],
                                          stdout=subprocess.PIPE, text=True, env=environment)
    server.stdout.readline()
    time.sleep(0.3)
    for uid, word in ((NOBODY, "ok"), (DAEMON, "EACCES")):
        wait_until(lambda: sas_gone(talk), 10, "the SAs of the user before to go")
        got = talk.ask("alice", "bob", "tcp", "v4", "0", 12, uid=uid)
        told = json.loads(server.stdout.readline())
        during = [True, False] if word == "ok" else [True, True]
        if not got["answered"] or told["first"] != word or told["during"] != during or told["after"] != [True, True]:
            raise Failure(f"as account {uid}: {told}")
    server.kill()
    server.wait()
    return "a server takes the rights of the caller's user; of one that nobody knows it takes none, least of all the machine's"
