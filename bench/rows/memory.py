"""ESP in memory, whole packet path, beside the bare AEAD: Google Benchmark's binaries, taking turns."""
import json
import os
import re
import statistics
import subprocess

import frame

SUITE = "AES_GCM_16-128"


def _benchmarks(program, pattern):
    """What Google Benchmark says of those whose name matches."""
    done = subprocess.run([frame.tool(program), f"--benchmark_filter={pattern}", "--benchmark_format=json", "--benchmark_min_time=0.2"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{program}: {done.stderr.strip()}")
    return [one for one in json.loads(done.stdout)["benchmarks"] if not one.get("error_occurred")]


def _rates(program, pattern):
    """name -> packets a second."""
    return {one["name"].removesuffix("/manual_time"): one["items_per_second"] for one in _benchmarks(program, pattern)}


def _nanoseconds(program, pattern):
    """name -> nanoseconds for each item."""
    return {one["name"]: 1e9 / one["items_per_second"] for one in _benchmarks(program, pattern)}


def _both(seal, opened):
    """Packets sealed and opened a second, of the two rates."""
    return 1 / (1 / seal + 1 / opened)


def _bare(rates, octets, which):
    """The fastest way of the named kind to seal and to open: bare calls, or any provider's interface."""
    found = []
    for verb in ("seal", "open"):
        fitting = [rate for name, rate in rates.items() if re.fullmatch(rf"{verb}({which})/{SUITE}/.*/{octets}", name)]
        if not fitting:
            raise frame.Unmeasurable(f"aead_bench has no {verb} of {SUITE} with {octets} octets")
        found.append(max(fitting))
    return _both(*found)


def _esp(rates, octets, provider, suite=SUITE):
    return _both(rates[f"esp_seal/{suite}{provider}/{octets}"], rates[f"esp_open/{suite}{provider}/{octets}"])


def esp(setting):
    own, bare = [], []
    for number in range(setting.rounds):
        own.append(_rates("esp_bench", f"/{SUITE}/"))
        bare.append(_rates("aead_bench", f"/{SUITE}/"))
        setting.say(f"esp-memory {number + 1}/{setting.rounds}")
    rows = []
    for octets, peer, which, provider, goal in ((1400, "OpenSSL alone", "_bare", "/openssl", ">= 0.85"),
                                                (1400, "fastest AEAD here", "_bare|_batch|", "", ">= 0.6"),
                                                (64, "OpenSSL alone", "_bare", "/openssl", ""),
                                                (64, "fastest AEAD here", "_bare|_batch|", "", ">= 0.4")):
        rows.append(frame.compared(f"ESP in memory, sealed and opened, AES-128-GCM, {octets} B", "packets/s",
                                   [_esp(r, octets, provider) for r in own], peer, [_bare(r, octets, which) for r in bare], goal))
    return rows


def batches(setting):
    suites = (("AES_CBC-128+HMAC_SHA2_256_128", "AES-128-CBC, HMAC-SHA2-256"), ("AES_CTR-128+HMAC_SHA1_96", "AES-128-CTR, HMAC-SHA1"))
    rounds, rows = [], []
    for number in range(setting.rounds):
        rounds.append(_rates("esp_bench", "HMAC"))
        setting.say(f"batches {number + 1}/{setting.rounds}")
    for suite, text in suites:
        for octets in (1400, 64):
            rows.append(frame.compared(f"ESP in memory, sealed and opened, {text}, {octets} B, batches of 32", "packets/s",
                                       [_esp(r, octets, "", suite) for r in rounds], "OpenSSL, one by one",
                                       [_esp(r, octets, "/openssl", suite) for r in rounds]))
    return rows


def burst(setting):
    rounds = []
    for number in range(setting.rounds):
        rounds.append(_nanoseconds("burst_bench", "burst_"))
        setting.say(f"burst {number + 1}/{setting.rounds}")
    rows = []
    for verb, text in (("seal", "sealed"), ("open", "opened")):
        for sas, whose in ((1, "one SA"), (10000, "10 000 SAs")):
            def of(way):
                return [r[f"burst_{verb}/{sas}/{way}/manual_time"] for r in rounds]
            rows.append(frame.compared(f"a packet of 64 B {text}, in bursts of 64, {whose}", "CPU ns", of("together"), "the same, one packet a call",
                                       of("one_by_one")))
    return rows


def shards(setting):
    if os.cpu_count() < 2:
        raise frame.Unmeasurable("there is one processor only")
    rounds, rows = [], []
    for number in range(setting.rounds):
        rounds.append({one["name"]: one for one in _benchmarks("shards_bench", "shards/")})
        setting.say(f"shards {number + 1}/{setting.rounds}")
    for octets, goal in ((1400, ">= 1.7"), (64, "")):
        def of(threads, what="items_per_second"):
            return [r[f"shards/{octets}/real_time/threads:{threads}"][what] for r in rounds]
        # What each thread computes for a batch when it has a processor: more with two means that they disturb each other.
        dearer = statistics.median(two / one for one, two in zip(of(1, "cpu_time"), of(2, "cpu_time")))
        rows.append(frame.compared(f"two shards in memory, sealed and opened, AES-128-GCM, {octets} B", "packets/s", of(2), "one shard", of(1), goal,
                                   note=f"CPU time of a packet {dearer:.2f} of that with one"))
    return rows


def sad(setting):
    rounds = []
    for number in range(setting.rounds):
        rounds.append(_nanoseconds("sad_bench", "lookup"))
        setting.say(f"sad-lookup {number + 1}/{setting.rounds}")
    def of(name):
        return [r[name] for r in rounds]
    rows = []
    for few, goal in ((10, "<= 2"), (10000, "<= 1.3")):
        rows.append(frame.compared("SA of a packet that came, batches of 64, hot record read, 100 000 SAs", "ns", of("sad_lookup/100000"),
                                   f"the same with {few}", of(f"sad_lookup/{few}"), goal))
    rows.append(frame.compared("policy and SA of a new flow, 100 000 entries", "ns", of("spd_lookup/100000"), "the same with 10",
                               of("spd_lookup/10")))
    done = _benchmarks("sad_bench", "sad_memory")
    rows.append(frame.Row("memory of an established pair of SAs, AES-128-GCM", "octets", done[0]["octets_per_pair"], note="heap, of 10 000 pairs"))
    return rows


MEASUREMENTS = [frame.Measurement("esp-memory", esp, targets=("esp_bench", "aead_bench")),
                frame.Measurement("batches", batches, targets=("esp_bench",)),
                frame.Measurement("burst", burst, targets=("burst_bench",)),
                frame.Measurement("shards", shards, targets=("shards_bench",)),
                frame.Measurement("sad-lookup", sad, targets=("sad_bench",))]
