"""Certificates for tests, made with the openssl command: one CA, and leaf certificates of any key kind with alternative names."""
import pathlib
import subprocess

KEY_KINDS = {
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa3072": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
    "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ecdsa384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ed25519": ["-algorithm", "ED25519"],
}


def _openssl(*argv):
    done = subprocess.run(["openssl", *map(str, argv)], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {argv[0]}: {done.stderr.strip()}")


def alternative_name(name):
    """The subjectAltName entry of an IKE identity: address, mail address or host name."""
    if ":" in name or name.replace(".", "").isdigit():
        return f"IP:{name}"
    return f"email:{name}" if "@" in name else f"DNS:{name}"


class Authority:
    """A CA with its key in `folder`. Leafs carry their identity in the subjectAltName."""

    def __init__(self, folder, kind="ecdsa", name="Sallyport Test CA"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        _openssl("genpkey", *KEY_KINDS[kind], "-out", self.key)
        _openssl("req", "-x509", "-new", "-key", self.key, "-days", 3650, "-subj", f"/O=Example/CN={name}", "-out", self.certificate,
                 "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def leaf(self, name, kind, days=365, more=()):
        """Returns (certificate file, key file). more: further names in the subjectAltName."""
        stem = self.folder / f"{name}-{kind}"
        key, request, certificate, extensions = (stem.with_name(stem.name + end) for end in (".key", ".csr", ".pem", ".ext"))
        extensions.write_text("basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n"
                              "extendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
                              f"subjectAltName={','.join(map(alternative_name, (name, *more)))}\n")
        _openssl("genpkey", *KEY_KINDS[kind], "-out", key)
        _openssl("req", "-new", "-key", key, "-subj", f"/O=Example/CN={name}", "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                 "-extfile", extensions, "-out", certificate)
        key.chmod(0o600)
        return certificate, key
