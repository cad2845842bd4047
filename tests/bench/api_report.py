"""What tests/bench/api.py prints."""

import statistics

from api_bounds import JOB, MIB
from figures import percentile
from milestones import summary

PARTS = ("sandboxes", "executor", "controller", "kube-apiserver", "etcd", "client", "rest")


def print_report(figures, ratios, bounds):
    print_machine(figures)
    print("\nwhat it may cost")
    for bound in bounds:
        print(f"  {bound}")
    print_side_by_side(figures["side by side"], ratios)
    print_latencies(figures)
    print_stages(figures["one at a time"])
    print_throughput(figures["throughput"])
    print_cost(figures)


def print_machine(figures):
    machine = figures["machine"]
    print(f"{machine['cores']} cores of {machine['processor']}, Linux {machine['kernel']}; load {machine['load_before']:.1f} before, "
          f"{machine['load_after']:.1f} after; etcd and the ledger on {machine['state_on']}")
    print(f"runsc {machine['runsc']}, Docker {machine['docker_engine']} (client {machine['docker_client']}); every command in a sandbox of "
          f"its own with limits of cpu, memory, pids and scratch")
    if machine["load_before"] > machine["cores"] / 2:
        print("The machine was busy before: the times say little, and the ratios less than they would on a quiet one.")


def print_side_by_side(times, ratios):
    print("\na SandboxCommand, created → result visible, in units of what it would cost by hand (median of the pairs, 95 %)")
    for rival, ratio in ratios:
        print(f"  {ratio.median:5.2f} × {rival:<28} ({ratio.low:.2f} – {ratio.high:.2f})")
    if JOB not in times:
        print(f"        {JOB:<28} not measured: it takes a real node, see --job")
    print(f"\n  {'milliseconds, side by side':<38} {'p50':>8} {'p95':>8} {'min':>8}")
    for name, seconds in sorted(times.items(), key=lambda entry: statistics.median(entry[1])):
        print(f"  {name:<38} " + " ".join(f"{1000 * figure:8.1f}" for figure in (percentile(seconds, 50), percentile(seconds, 95), min(seconds))))


def print_latencies(figures):
    print(f"\n  {'milliseconds, created → result visible':<38} {'p50':>8} {'p95':>8} {'p99':>8} {'max':>8} {'commands':>9} {'warm':>6} {'per s':>6}")

    def line(name, one, per_second=""):
        its = summary(one["milliseconds"])
        print(f"  {name:<38} " + " ".join(f"{its[key]:8.1f}" for key in ("p50", "p95", "p99", "max")) +
              f" {its['count']:9} {one['warm'] / its['count']:6.0%} {per_second:>6}")
    line("one at a time, the pool at rest", figures["one at a time"])
    for outstanding, one in figures["outstanding"].items():
        line(f"{outstanding} outstanding, one after the other", one, f"{one['per second']:.1f}")
    probe = figures["probe"]
    print(f"  of that the client and the API server alone: {percentile(probe['request'], 50):.1f} ms per request, "
          f"{percentile(probe['create and watch'], 50):.1f} ms for a ConfigMap created → seen; the client's own CPU for that {probe['client cpu']:.1f} ms")


def print_stages(one_at_a_time):
    print(f"\n  {'one at a time, where the milliseconds go':<64} {'p50':>7} {'p95':>7} {'mean':>7}")
    for what, values in one_at_a_time["stages"]:
        print(f"  {what:<64} {percentile(values, 50):7.2f} {percentile(values, 95):7.2f} {statistics.fmean(values):7.2f}")
    print("  within the API server (audit): " + ", ".join(
        f"{kind} {percentile(values, 50):.1f} ms" for kind, values in one_at_a_time["requests"].items()) +
          f"; the client had the answer to its creation after {percentile(one_at_a_time['created'], 50):.1f} ms")


def print_throughput(rounds):
    print(f"\n  {'commands per second':<38} {'median':>8}   rounds")
    for name, called in (("ours", "SandboxCommands, 8 outstanding"), ("bare", "bare runsc run, 2 loops"),
                         ("bare, limited", "the same in cgroups with limits")):
        if name in rounds:
            rates = [one["per second"] for one in rounds[name]]
            print(f"  {called:<38} {statistics.median(rates):8.2f}   " + " ".join(f"{rate:.2f}" for rate in rates))
    ours = rounds["ours"]
    print(f"  of ours {sum(one['cold'] for one in ours)} of {sum(one['commands'] for one in ours)} found no warm sandbox; sandboxes there at the "
          f"beginning and the end of each round: " + ", ".join("{} {}".format(*one["sandboxes"]) for one in ours))
    print(f"\n  {'milliseconds of CPU per command':<38} " + " ".join(f"{part:>14}" for part in PARTS) + f" {'all':>8}")
    for name, called in (("ours", "SandboxCommands, 8 outstanding"), ("bare", "bare runsc run"), ("bare, limited", "the same, limited")):
        if name in rounds:
            commands = sum(one["commands"] for one in rounds[name])
            each = {part: 1000 * sum(one["cpu"][part] for one in rounds[name]) / commands for part in (*PARTS, "machine")}
            print(f"  {called:<38} " + " ".join(f"{each[part]:14.2f}" for part in PARTS) + f" {each['machine']:8.1f}")
    print("  sandboxes: with runsc, which starts them; rest: the kernel's own threads and all else, of the bare loops also runsc itself")


def print_cost(figures):
    one_at_a_time, memory = figures["one at a time"], figures["memory"]
    print(f"\n  per command {one_at_a_time['writes']:.2f} writes through the API server (create, bind, report), "
          f"{one_at_a_time['other writes']:.2f} others, one at a time")
    carried = figures["throughput"]["ours"]
    names = sorted({name for one in carried for name in one["traffic"]})
    print("  at saturation: " + ", ".join(f"{statistics.fmean(one['traffic'].get(name, 0) for one in carried):.4g} {name}" for name in names))
    print("  (of the programs: bodies of their PATCH requests and answers; watch bytes: of all watchers)")
    print(f"  memory: {memory['warm sandbox'] / MIB:.1f} MiB charged to a waiting warm sandbox ("
          + ", ".join(f"{one / MIB:.1f}" for one in memory["warm sandboxes"]) + "); resident at rest / at the end: "
          + ", ".join(f"{name} {memory[name] / MIB:.1f} / {figures['memory at the end'][name] / MIB:.1f} MiB"
                      for name in ("executor", "controller", "kube-apiserver", "etcd")))
