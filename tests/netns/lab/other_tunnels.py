"""Tunnels that are not IPsec, for comparison in benchmarks: wireguard-go and OpenVPN between the two hosts of a Plan.

Each start function returns once packets flow between the inner networks (10.1.0.1 and 10.2.0.1); processes end with the lab.
"""
import os
import subprocess

from . import peers
from .pki import Authority
from .space import wait_until


def start_wireguard(plan, name="wireguard"):
    """name: "wireguard" (Debian's own) or "wireguard-newest" (unstable's)."""
    daemon = peers.fetch(name) / "usr" / "bin" / "wireguard-go"
    wg = peers.fetch("wireguard") / "usr" / "bin" / "wg"
    keys = {}
    for side in ("east", "west"):
        private = subprocess.run([wg, "genkey"], capture_output=True, text=True, check=True).stdout.strip()
        public = subprocess.run([wg, "pubkey"], input=private, capture_output=True, text=True, check=True).stdout.strip()
        keys[side] = private, public
    for side, other in (("east", "west"), ("west", "east")):
        host = plan.host(side)
        device = f"{plan.lab.prefix}{side[0]}"   # its control socket lies in a folder that all namespaces share
        environment = dict(os.environ, WG_PROCESS_FOREGROUND="1", LOG_LEVEL="error")
        host.start([daemon, "-f", device], log="wireguard.log", env=environment)
        wait_until(lambda: host.run(["ip", "link", "show", device], check=False).returncode == 0, 10, "wireguard-go's device")
        secret = host.folder / "wireguard.key"
        secret.write_text(keys[side][0] + "\n")
        secret.chmod(0o600)
        wait_until(lambda: host.run([wg, "set", device, "listen-port", 51820, "private-key", secret, "peer", keys[other][1], "allowed-ips",
                                     f"{plan.inner(other)}/32,10.0.0.0/8", "endpoint", _endpoint(plan, other)], check=False).returncode == 0,
                   10, "wireguard-go's control socket")
        host.ip(f"link set {device} up mtu 1420")
        host.ip(f"route add {plan.nets[other][0]} dev {device} src {plan.inner(side)}")
    _wait_for_packets(plan)


def start_openvpn(plan):
    """Point to point with TLS, AES-256-GCM, without the kernel's data channel offload."""
    prefix = peers.fetch("openvpn")
    authority = Authority(plan.lab.folder / "openvpn-pki")
    for side, other in (("west", "east"), ("east", "west")):
        host = plan.host(side)
        certificate, key = authority.leaf(f"{side}.example", "ecdsa")
        own = {"east": "10.250.0.1", "west": "10.250.0.2"}
        role = ["--tls-server", "--dh", "none"] if side == "west" else ["--tls-client"]
        remote = [] if side == "west" else ["--remote", plan.address("west")]
        run_dir = host.folder / "openvpn-run"
        run_dir.mkdir()
        argv = ["/usr/sbin/openvpn", "--dev", "ovpn0", "--dev-type", "tun", "--disable-dco", "--proto", "udp", "--port", "1194", *remote,
                "--ifconfig", own[side], own[other], *role, "--ca", str(authority.certificate), "--cert", str(certificate), "--key", str(key),
                "--data-ciphers", "AES-256-GCM", "--cipher", "AES-256-GCM", "--verb", "1", "--float"]
        host.start(peers.command(prefix, argv, run_dir), log="openvpn.log")
        wait_until(lambda: host.run(["ip", "route", "add", plan.nets[other][0], "dev", "ovpn0", "src", plan.inner(side)],
                                    check=False).returncode == 0, 15, "OpenVPN's device")
    _wait_for_packets(plan)


def _endpoint(plan, side):
    address = plan.seen_address(side)
    return f"[{address}]:51820" if ":" in address else f"{address}:51820"


def _wait_for_packets(plan):
    wait_until(lambda: plan.east.ping(plan.inner("west"), 1, source=plan.inner("east")), 20, "packets through the tunnel")
