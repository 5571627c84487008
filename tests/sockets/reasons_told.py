"""Why a negotiation failed, as a query tells it: a case of run.py."""
import json

from evidence import HERE, ended, program
from lab.isolation import Failure
from lab.space import Lab

PORT, PLAIN = 27018, 27019


def told(lab, make):
    """Other secrets, no proposal in common: each by its code, for TCP before and after the kernel has given up, for UDP, in the clear."""
    rows = []
    other_proposal = lambda name, text: text.replace('["aes128gcm16", "aes256-sha256"]', '["aes256-sha256"]' if name == "bob" else '["aes128gcm16"]')
    # No secured socket of UDP, and none at the other port: the peer has no policy for these, and refuses the traffic.
    for code, elsewhere, how in ((13801, 13801, {"files": lambda name: {"sockets.psk": f"a secret of {name}\n"}}), (13868, 13858, {"change": other_proposal})):
        with Lab() as inner:
            talk = make(inner, **how)
            talk.serve("bob", "tcp", "v4", "0", PORT)
            talk.serve("bob", "tcp", "v4", "plain", PLAIN)
            said = ended(program(talk, "alice", ["/usr/bin/python3", HERE / "reasons.py", talk.stage.wire.address("bob", "v4"), PORT, PLAIN]), 90)
            reason, unasked = [0, code], [0, elsewhere]
            wanted = {"before": "ENOTCONN", "begun": "EINPROGRESS", "connecting": reason, "WSA, first form": 10057, "WSA, second form": [0, *reason],
                      "another socket": "ENOTCONN", "given up": "ETIMEDOUT", "gone": reason, "datagrams before": [0, 0], "datagrams": unasked,
                      "datagrams of another peer": [0, 0], "in the clear": unasked}
            try:
                got = json.loads(said.splitlines()[-1])
            except (IndexError, ValueError):
                raise Failure(said)
            wrong = {name: (got.get(name), row) for name, row in wanted.items() if got.get(name) != row}
            if wrong:
                raise Failure(f"{code}: {wrong}")
            rows.append(code)
    return f"{rows} told by the socket's query and by WSAQuerySocketSecurity"
