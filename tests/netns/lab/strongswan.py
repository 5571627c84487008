"""strongSwan's charon as peer: started by hand in a host's namespace from the privately unpacked packages, ESP in user space.

kernel-libipsec gives ESP over a TUN device named ipsec0, always UDP-encapsulated. One charon per host.
"""
import os
import re
import signal
import subprocess

from . import peers
from .space import end_process, wait_until

# What a PSK or certificate tunnel needs, by name: with a list, a plug-in that does not suit a namespace is never tried.
PLUGINS = """random nonce x509 revocation constraints pubkey pkcs1 pkcs7 pkcs8 pkcs12 pem openssl curve25519 kdf aes sha1 sha2 md5
hmac xcbc cmac gcm ccm ctr gmp chapoly eap-identity eap-md5 eap-mschapv2 eap-tls kernel-libipsec kernel-netlink socket-default vici updown"""

SETTINGS = """
charon {{
  load = {plugins}
  install_virtual_ip = yes
  install_routes = yes
  retransmit_tries = {tries}
  retransmit_timeout = {timeout}
  retransmit_base = 1.4
  make_before_break = yes
  threads = {threads}
  filelog {{
    log {{
      path = {log}
      default = {level}
      flush_line = yes
      time_format = %H:%M:%S
      time_add_ms = yes
    }}
  }}
  syslog {{ }}
  plugins {{
    kernel-libipsec {{ allow_peer_ts = yes }}
    {mark}
    vici {{ socket = unix:///run/charon.vici }}
  }}
}}
swanctl {{ socket = unix:///run/charon.vici }}
"""


class Strongswan:
    """One charon. side: which end of the Connection it plays. hosts: the selectors are the hosts' own addresses, so that its own packets
    need a mark to escape its routes."""

    def __init__(self, host, connection, side, level=1, tries=4, timeout=1.0, threads=16, hosts=False):
        self.host, self.connection, self.side = host, connection, side
        self.prefix = peers.fetch("strongswan")
        self.folder = host.folder / "strongswan"
        self.run_dir, self.etc = self.folder / "run", self.folder / "etc"
        for path in (self.run_dir, *(self.etc / "swanctl" / d for d in ("conf.d", "x509", "x509ca", "private"))):
            path.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "charon.log"
        self.process = None
        plugins = " ".join(PLUGINS.split())
        mark = "socket-default { fwmark = 0x42 }\n    kernel-netlink { fwmark = !0x42 }" if hosts else ""
        (self.etc / "strongswan.conf").write_text(SETTINGS.format(plugins=plugins, log=self.log, level=level, tries=tries,
                                                                  timeout=timeout, threads=threads, mark=mark))
        self.write(connection)

    # Configuration

    def write(self, connection):
        self.connection = connection
        me, peer = connection.end(self.side), connection.other(self.side)
        swanctl = self.etc / "swanctl"
        remote = peer.address if (self.side == "east" or connection.west_knows_east) else "%any"
        local_auth, remote_auth = ("auth = psk", "auth = psk")
        if connection.auth == "cert":
            (swanctl / "x509ca" / "ca.pem").write_bytes(open(connection.ca, "rb").read())
            (swanctl / "x509" / "me.pem").write_bytes(open(me.certificate, "rb").read())
            (swanctl / "private" / "me.key").write_bytes(open(me.key, "rb").read())
            local_auth, remote_auth = "auth = pubkey\n      certs = me.pem", "auth = pubkey\n      cacerts = ca.pem"
        second = ""
        if me.user:
            (swanctl / "x509" / "user.pem").write_bytes(open(me.user_certificate, "rb").read())
            (swanctl / "private" / "user.key").write_bytes(open(me.user_key, "rb").read())
            second += f"    local-2 {{\n      id = {me.user}\n      auth = pubkey\n      certs = user.pem\n    }}\n"
        if peer.user:
            (swanctl / "x509ca" / "users.pem").write_bytes(open(connection.user_ca, "rb").read())
            second += f"    remote-2 {{\n      id = {peer.user}\n      auth = pubkey\n      cacerts = users.pem\n    }}\n"
        secrets = f"""secrets {{
  ike-1 {{
    id-1 = {me.identity}
    id-2 = {peer.identity}
    secret = "{connection.secret}"
  }}
}}
""" if connection.auth == "psk" else ""
        (swanctl / "swanctl.conf").write_text(f"""connections {{
  {connection.name} {{
    version = 2
    local_addrs = {me.address}
    remote_addrs = {remote}
    proposals = {connection.ike}
    rekey_time = {connection.ike_seconds}s
    over_time = 60s
    dpd_delay = {connection.dpd}s
    encap = yes
    mobike = no
    unique = replace
    local-1 {{
      id = {me.identity}
      {local_auth}
    }}
    remote-1 {{
      id = {peer.identity}
      {remote_auth}
    }}
{second}    children {{
      {connection.name} {{
        local_ts = {",".join(me.nets)}
        remote_ts = {",".join(peer.nets)}
        esp_proposals = {connection.esp}
        rekey_time = {connection.child_seconds}s
        mode = {connection.peer_mode}
        dpd_action = {"restart" if connection.dpd else "clear"}
        updown = /bin/true
      }}
    }}
  }}
}}
{secrets}""")

    # Life

    def start(self):
        argv = peers.command(self.prefix, ["/usr/lib/ipsec/charon"], self.run_dir, self.etc)
        environment = dict(os.environ, STRONGSWAN_CONF="/etc/strongswan.conf")
        self.process = self.host.start(argv, log="charon.out", env=environment)

        def ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"charon ended at once: {(self.host.folder / 'charon.out').read_text()}{self.tail()}")
            return (self.run_dir / "charon.vici").exists()
        wait_until(ready, 10, "charon's control socket")
        self.load()
        return self

    def load(self):
        return self.swanctl("--load-all", "--noprompt")

    def stop(self):
        if self.process:
            end_process(self.process)
            self.process = None
            (self.run_dir / "charon.vici").unlink(missing_ok=True)

    def kill(self):
        """kill -9: no delete is sent, the TUN device vanishes with the process."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for left in ("charon.vici", "charon.pid"):
            (self.run_dir / left).unlink(missing_ok=True)
        self.process = None

    def swanctl(self, *arguments, check=True, timeout=30):
        inside = ["nsenter", "-t", str(self.process.pid), "-m", "-n", "-r", "env", "STRONGSWAN_CONF=/etc/strongswan.conf",
                  "/usr/sbin/swanctl", *arguments]
        done = subprocess.run(inside, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise RuntimeError(f"swanctl {' '.join(arguments)}: {done.stdout}{done.stderr}\n{self.tail()}")
        return done

    def up(self, timeout=20):
        """Starts the Child SA and waits until it is there; the exit status says whether it came."""
        return self.swanctl("--initiate", "--child", self.connection.name, "--timeout", str(timeout), check=False,
                            timeout=timeout + 10)

    def down(self, child_only=False):
        what = "--child" if child_only else "--ike"
        return self.swanctl("--terminate", what, self.connection.name, "--timeout", "5", check=False)

    def rekey(self, what):
        """what: "child" or "ike"."""
        return self.swanctl("--rekey", f"--{what}", self.connection.name)

    # What it sees

    def sas(self):
        """The IKE SAs as this daemon reports them: a list of dictionaries, each with a list `children`."""
        return parse_list_sas(self.swanctl("--list-sas", "--raw", check=False).stdout)

    def established(self):
        return [sa for sa in self.sas() if sa.get("state") == "ESTABLISHED" and
                any(c.get("state") == "INSTALLED" for c in sa["children"])]

    def negotiated(self):
        """(IKE algorithms, ESP algorithms) of the newest established SA, in the spelling of peer_names()."""
        sas = self.established()
        if not sas:
            return None
        sa, child = sas[-1], [c for c in sas[-1]["children"] if c.get("state") == "INSTALLED"][-1]
        ike = [sa.get("encr-alg", "") + (f"-{sa['encr-keysize']}" if "encr-keysize" in sa else ""), sa.get("integ-alg", ""),
               sa.get("prf-alg", ""), sa.get("dh-group", "")]
        esp = [child.get("encr-alg", "") + (f"-{child['encr-keysize']}" if "encr-keysize" in child else ""),
               child.get("integ-alg", "")]
        return "/".join(filter(None, ike)), "/".join(filter(None, esp))

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else "(no log)"


def parse_list_sas(raw):
    """Parses `swanctl --list-sas --raw`: nested `name {key=value …}` on one line per event."""
    tokens = re.findall(r"[^\s{}\[\]=]+=\[|[^\s{}\[\]=]+=(?:[^\s{}\[\]]|\{(?=\S)|\[[^\]]*\](?=\S))*|[^\s{}\[\]=]+ \{|[{}\]]|[^\s{}\[\]]+", raw)
    root, stack = {}, []
    here = root
    for token in tokens:
        if token.endswith(" {"):
            stack.append(here)
            here = here.setdefault(token[:-2], {})
        elif token == "{":
            stack.append(here)
            here = here.setdefault("", {})
        elif token.endswith("=["):
            stack.append(here)
            here = here.setdefault(token[:-2], {})
        elif token in ("}", "]"):
            here = stack.pop() if stack else root
        elif "=" in token:
            key, value = token.split("=", 1)
            here[key] = value
        else:
            here.setdefault("items", []).append(token)
    found = []

    def walk(node, name):
        for key, value in node.items():
            if not isinstance(value, dict):
                continue
            if "initiator-spi" in value:
                sa = {k: v for k, v in value.items() if not isinstance(v, dict)}
                sa["name"] = key
                sa["children"] = [c for c in value.get("child-sas", {}).values() if isinstance(c, dict)]
                found.append(sa)
            else:
                walk(value, key)
    walk(root, "")
    return found


def peer_names(proposal):
    """How charon's status spells a proposal keyword list: 'aes128gcm16' -> 'AES_GCM_16-128'."""
    spelled = []
    for word in proposal.split("-"):
        match = re.fullmatch(r"aes(\d+)(ctr|(?:gcm|ccm)(?:8|12|16)|gmac)?", word)
        if match:
            mode = match.group(2) or "cbc"
            mode = "NULL_AES_GMAC" if mode == "gmac" else "AES_" + re.sub(r"(\d+)", r"_\1", mode.upper())
            spelled.append(f"{mode}-{match.group(1)}")
            continue
        fixed = {"chacha20poly1305": "CHACHA20_POLY1305", "sha256": "HMAC_SHA2_256_128", "sha384": "HMAC_SHA2_384_192",
                 "sha512": "HMAC_SHA2_512_256", "sha1": "HMAC_SHA1_96", "aesxcbc": "AES_XCBC_96", "aescmac": "AES_CMAC_96", "md5": "HMAC_MD5_96",
                 "null": "NULL", "3des": "3DES_CBC", "prfsha256": "PRF_HMAC_SHA2_256",
                 "prfsha384": "PRF_HMAC_SHA2_384", "prfsha512": "PRF_HMAC_SHA2_512", "x25519": "CURVE_25519", "x448": "CURVE_448",
                 "ecp256": "ECP_256", "ecp384": "ECP_384", "ecp521": "ECP_521", "modp2048": "MODP_2048", "modp3072": "MODP_3072"}
        spelled.append(fixed.get(word, word))
    return spelled
