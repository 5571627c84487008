"""The filter engine in memory: Google Benchmark's binary, its own figures beside each other."""
import json
import subprocess

import frame

TOOLS = ("policy_bench", "filter_flows_bench")


def _figures():
    figures = {}
    for tool in TOOLS:
        done = subprocess.run([frame.tool(tool), "--benchmark_format=json", "--benchmark_min_time=0.2"], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{tool}: {done.stderr.strip()}")
        figures.update({one["name"].removesuffix("/iterations:1"): one for one in json.loads(done.stdout)["benchmarks"]})
    return figures


def policy(setting):
    rounds = []
    for number in range(setting.rounds):
        rounds.append(_figures())
        setting.say(f"policy {number + 1}/{setting.rounds}")

    def times(name):
        return [figures[name]["cpu_time"] for figures in rounds]

    rows = [frame.compared("classify, 100 000 filters", "ns", times("classify/100000"), "1 000 filters", times("classify/1000"), "<= 2"),
            frame.compared("packet of a known flow, 1 000 filters a layer", "ns", times("known_flow"), "first of a flow", times("new_flow"), "<= 0.1"),
            frame.compared("packet of a known flow, 1 000 filters a layer", "ns", times("known_flow"), "classify at one layer", times("classify/1000")),
            frame.compared("transaction, 10 000 filters", "ms", times("transaction/10000"), "1 000 filters", times("transaction/1000"), "<= 12")]
    for filters in (10, 10000):
        rows.append(frame.Row(f"classify, {filters} filters", "ns", sorted(times(f"classify/{filters}"))[len(rounds) // 2]))
    rows.append(frame.Row("memory of a filter, 100 000 filters", "B", rounds[0]["memory/100000"]["octets_per_filter"]))
    return rows


MEASUREMENTS = [frame.Measurement("policy", policy, targets=TOOLS)]
