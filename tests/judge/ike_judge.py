#!/usr/bin/python3
"""Reads the negotiation of AH, transport mode, ESN and RFC 9611 off the wire, which no peer at hand would accept.

Usage: ike_judge.py [--list] [--tool PROGRAM] [--case NAME]…
PROGRAM (built from ike_tool.cc) lets two of our IKE endpoints negotiate, rekey and delete, and leaves a capture and a key table;
ike_wire.py decodes them with its own understanding of the standards. Every number below is the RFC's: 7296 3.3.2, 3.10.1 and 9611.
Exit 77 means skipped, with the reason.
"""
import dataclasses
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

AH, ESP = 2, 3
ENCR, PRF, INTEG, GROUP, ESN = 1, 2, 3, 4, 5
USE_TRANSPORT_MODE, REKEY_SA, NO_TFC, NON_FIRST, RESOURCE_INFO = 16391, 16393, 16394, 16395, 16444
TS_MAX_QUEUE, NO_PROPOSAL_CHOSEN = 48, 14


class Unfit(Exception):
    """What was on the wire is not what the RFC and the configuration ask for."""


def require(fact, sentence):
    if not fact:
        raise Unfit(sentence)


@dataclasses.dataclass
class Case:
    """both: words of ike_tool for the child at both ends, a and b at one. answer: transforms (type, id, key bits) agreed on. notifies: those
    without data that both messages must hold; asked and answered: that only the request or only the answer may hold."""
    name: str
    both: str
    protocol: int
    answer: list
    notifies: tuple = ()
    asked: tuple = ()
    answered: tuple = ()
    a: str = ""
    b: str = ""
    outer: str = ""
    ike: str = "aes256gcm16-prfsha256-x25519"
    copies: int = 0
    refused: int = 0
    says: str = ""

    def words(self):
        sides = [f"{side}.{word}" for side, more in (("a", self.a), ("b", self.b)) for word in (self.both + " " + more).split()]
        return [*self.outer.split(), f"ike={self.ike}", *sides]


CASES = [
    Case("esp-transport-esn", "mode=transport esp=aes128gcm16-esn", ESP, [(ENCR, 20, 128), (ESN, 1, 0)], (USE_TRANSPORT_MODE,)),
    Case("esp-transport-noesn-v6", "mode=transport esp=aes256-sha256-noesn", ESP, [(ENCR, 12, 256), (INTEG, 12, 0), (ESN, 0, 0)], (USE_TRANSPORT_MODE,),
         outer="v6", ike="aes256-sha256-prfsha256-ecp256"),
    Case("esp-tunnel-esn-either-way", "", ESP, [(ENCR, 28, 0), (ESN, 0, 0)], a="esp=chacha20poly1305-esn-noesn", b="esp=chacha20poly1305-noesn-esn no_tfc",
         answered=(NO_TFC,)),
    Case("ah-tunnel-sha256-esn", "ah=sha256-esn", AH, [(INTEG, 12, 0), (ESN, 1, 0)]),
    Case("ah-tunnel-sha384", "ah=sha384-noesn", AH, [(INTEG, 13, 0), (ESN, 0, 0)]),
    Case("ah-tunnel-sha512-v6", "ah=sha512-esn", AH, [(INTEG, 14, 0), (ESN, 1, 0)], outer="v6"),
    Case("ah-transport-sha1", "mode=transport ah=sha1-noesn", AH, [(INTEG, 2, 0), (ESN, 0, 0)], (USE_TRANSPORT_MODE,)),
    Case("ah-transport-gmac-v6", "mode=transport ah=aes128gmac-esn", AH, [(INTEG, 9, 0), (ESN, 1, 0)], (USE_TRANSPORT_MODE,), outer="v6"),
    Case("ah-tunnel-gmac256", "ah=aes256gmac-esn", AH, [(INTEG, 11, 0), (ESN, 1, 0)]),
    Case("ah-tunnel-xcbc", "ah=aesxcbc-aescmac-noesn", AH, [(INTEG, 5, 0), (ESN, 0, 0)]),
    Case("ah-tunnel-cmac", "ah=aescmac-noesn", AH, [(INTEG, 8, 0), (ESN, 0, 0)]),
    Case("esp-implicit-iv-gcm", "esp=aes256gcm16iiv-esn", ESP, [(ENCR, 30, 256), (ESN, 1, 0)]),
    Case("esp-implicit-iv-ccm", "esp=aes128ccm8iiv-esn", ESP, [(ENCR, 29, 128), (ESN, 1, 0)]),
    Case("esp-implicit-iv-chacha", "esp=chacha20poly1305iiv-esn", ESP, [(ENCR, 31, 0), (ESN, 1, 0)]),
    Case("esp-gmac", "esp=aes128gmac-esn", ESP, [(ENCR, 21, 128), (ESN, 1, 0)]),
    Case("esp-no-padding-fragments", "esp=aes128gcm16-esn no_tfc non_first", ESP, [(ENCR, 20, 128), (ESN, 1, 0)], (NO_TFC, NON_FIRST)),
    Case("fragments-of-one-side", "esp=aes128gcm16-esn", ESP, [(ENCR, 20, 128), (ESN, 1, 0)], asked=(NON_FIRST,), a="non_first"),
    Case("transport-declined-tunnel-taken", "esp=aes128gcm16-esn", ESP, [(ENCR, 20, 128), (ESN, 1, 0)], asked=(USE_TRANSPORT_MODE,),
         a="mode=transport accept_tunnel", b="hosts"),
    Case("ah-against-esp", "", AH, [], a="ah=sha256-esn", b="esp=aes128gcm16", refused=NO_PROPOSAL_CHOSEN,
         says="b: Child SA refused: we want ESP for child net, the peer asks for AH"),
    Case("esn-against-noesn", "", ESP, [], a="esp=aes128gcm16-esn", b="esp=aes128gcm16-noesn", refused=NO_PROPOSAL_CHOSEN,
         says="b: Child SA refused: extended sequence numbers differs: we want noesn, the peer wants esn"),
    Case("resources", "esp=aes128gcm16-esn", ESP, [(ENCR, 20, 128), (ESN, 1, 0)], copies=2, a="resources=3", b="resources=1"),
]


class Trial:
    """One case from nothing to the last octet."""

    def __init__(self, folder, tool, case):
        import ike_wire
        self.case, self.wire_module = case, ike_wire
        done = subprocess.run([tool, folder, *case.words()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
        require(done.returncode == 0, f"ike_tool: {done.stderr}")
        self.said = done.stdout
        self.hosts = ("2001:db8::1", "2001:db8::2") if case.outer == "v6" else ("192.0.2.1", "192.0.2.2")
        self.reader = ike_wire.Reader(folder / "wire.pcap", folder)

    def run(self):
        request, answer = self.pair(self.wire_module.IKE_AUTH)
        if self.case.refused:
            self.judge_refusal(request, answer)
            return "refused as it must be"
        spi = self.judge_pair(request, answer, first=True)
        self.judge_copies()
        self.judge_rekey(spi)
        self.judge_delete()
        return f"{len(self.reader.messages)} messages read"

    def pair(self, exchange, number=0):
        requests = self.reader.of(exchange, False)
        require(len(requests) > number, f"there are {len(requests)} requests of exchange {exchange}")
        request = requests[number]
        answers = [m for m in self.reader.of(exchange, True) if m.id == request.id and m.spi_i == request.spi_i and m.from_initiator != request.from_initiator]
        require(len(answers) == 1, f"request {request.id} of exchange {exchange} has {len(answers)} answers")
        return request, answers[0]

    def judge_notifies(self, request, answer):
        case = self.case
        for kind in (USE_TRANSPORT_MODE, NO_TFC, NON_FIRST):
            asked, answered = request.notify(kind), answer.notify(kind)
            require((asked is not None) == (kind in case.notifies + case.asked), f"notify {kind} of the request: {asked}")
            require((answered is not None) == (kind in case.notifies + case.answered), f"notify {kind} of the answer: {answered}")
            for found in filter(None, (asked, answered)):
                # RFC 7296 3.10: no SPI, no data: eight octets, of which the last two are the number.
                require(found.octets[1:] == b"\0\0\x08\0\0" + kind.to_bytes(2, "big"), f"notify {kind} is {found.octets.hex()}")

    def judge_pair(self, request, answer, first):
        case = self.case
        offered, chosen = request.proposals(), answer.proposals()
        require([p.number for p in offered] == list(range(1, len(offered) + 1)), "proposals are not numbered from 1")
        require(all(p.protocol == case.protocol and len(p.spi) == 4 for p in offered + chosen), "a proposal of another protocol, or its SPI is not four octets")
        require(len({p.spi for p in offered}) == 1, "the proposals offer different SPIs")
        require(len(chosen) == 1 and chosen[0].number in [p.number for p in offered], "not exactly one of the proposals was chosen")
        got = [(t.type, t.id, t.key_bits) for t in chosen[0].transforms if t.type != GROUP]
        # A peer that leaves NO_ESN out says the same; ours names it when it was named.
        require(got == case.answer, f"the answer holds {got}, expected {case.answer}")
        for proposal in offered:
            require(proposal.ids(ESN), "RFC 7296 3.3.3: a proposal for AH or ESP must say ESN or not")
            require(not (first and proposal.ids(GROUP)), "RFC 7296 1.2: a key exchange transform in IKE_AUTH")
            require(case.protocol == ESP or not proposal.ids(ENCR), "an AH proposal with encryption")
        spi = offered[0].spi
        require(int.from_bytes(spi, "big") > 255 and int.from_bytes(chosen[0].spi, "big") > 255, "an SPI of the reserved range")
        self.judge_notifies(request, answer)
        if USE_TRANSPORT_MODE in case.notifies + case.asked:
            for message in (request, answer):
                ours, theirs = (message.selectors(self.wire_module.TSI), message.selectors(self.wire_module.TSR))
                for selectors, address in ((ours, self.hosts[0]), (theirs, self.hosts[1])):
                    require(all(str(s.first) == str(s.last) == address for s in selectors), f"transport selectors {selectors}, address {address}")
        return spi

    def judge_copies(self):
        """RFC 9611: SA_RESOURCE_INFO in the first Child SA and its copies; the first copy too many draws TS_MAX_QUEUE."""
        wire, case = self.wire_module, self.case
        request, answer = self.pair(wire.IKE_AUTH)
        for message in (request, answer):
            found = message.notify(RESOURCE_INFO)
            require((found is not None) == bool(case.copies), f"SA_RESOURCE_INFO in IKE_AUTH: {found}")
            require(found is None or (found.protocol, found.spi) == (0, b""), f"SA_RESOURCE_INFO is {found}")
        for number in range(case.copies):
            request, answer = self.pair(wire.CREATE_CHILD_SA, number)
            require(request.notify(REKEY_SA) is None, "a copy is no rekey")
            require(request.notify(RESOURCE_INFO) and answer.notify(RESOURCE_INFO), "a copy without SA_RESOURCE_INFO")
        if case.copies:
            request, answer = self.pair(wire.CREATE_CHILD_SA, case.copies)
            refusal = answer.notify(TS_MAX_QUEUE)
            require(refusal is not None and refusal.octets[1:] == b"\0\0\x08\0\0\0\x30", f"TS_MAX_QUEUE is {refusal}")

    def judge_rekey(self, old_spi):
        requests = [m for m in self.reader.of(self.wire_module.CREATE_CHILD_SA, False) if m.notify(REKEY_SA)]
        require(len(requests) == 1 + self.case.copies, f"{len(requests)} rekeys on the wire")
        found = {m.notify(REKEY_SA).spi: m for m in requests}
        require(old_spi in found, "no rekey names the first Child SA by its own SPI")
        request = found[old_spi]
        # RFC 7296 1.3.3: protocol and SPI stand in the notify.
        require(request.notify(REKEY_SA).protocol == self.case.protocol, f"REKEY_SA is {request.notify(REKEY_SA)}")
        answer = next(m for m in self.reader.of(self.wire_module.CREATE_CHILD_SA, True) if m.id == request.id and m.spi_i == request.spi_i)
        if USE_TRANSPORT_MODE in self.case.asked:
            return   # what was taken as a tunnel stays one
        self.judge_pair(request, answer, first=False)

    def judge_delete(self):
        deletes = [d for m in self.reader.messages if m.exchange == self.wire_module.INFORMATIONAL for d in m.deletes()]
        require(deletes and all(d.protocol == self.case.protocol and all(len(spi) == 4 for spi in d.spis) for d in deletes), f"deletes: {deletes}")

    def judge_refusal(self, request, answer):
        require(answer.notify(self.case.refused) is not None, f"the answer holds {answer.notifies()}")
        require(answer.body(self.wire_module.SA) is None, "a refusal with an SA payload")
        require(request.proposals()[0].protocol == self.case.protocol, "another protocol was asked for")
        require(self.case.says in self.said.splitlines(), f"the sentences do not name both sides' wishes: {self.said}")


def main(arguments):
    if "--list" in arguments:
        print("\n".join(case.name for case in CASES))
        return 0
    try:
        import ike_wire  # noqa: F401
    except ImportError as problem:
        print(f"skipped: Python's cryptography is not there: {problem}")
        return 77
    tool = arguments[arguments.index("--tool") + 1]
    names = [arguments[i + 1] for i, word in enumerate(arguments) if word == "--case"]
    failed = 0
    for case in CASES:
        if names and case.name not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="sallyport-") as folder:
            try:
                passed, text = True, Trial(pathlib.Path(folder), tool, case).run()
            except Exception as why:  # whatever raised it, it fails this case alone
                passed, text = False, f"{type(why).__name__}: {why}"
        print(f"{'ok  ' if passed else 'FAIL'} {case.name}: {text}", flush=True)
        failed += not passed
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
