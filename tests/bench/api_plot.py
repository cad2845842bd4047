"""The figures of tests/bench/api.py as one picture."""

import statistics

import matplotlib
from figures import percentile

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402


def draw(figures, file):
    """Writes an SVG: where the time of one command goes, how latency and throughput grow, and what a command costs."""
    picture, ((stages, shares), (latency, rate)) = plt.subplots(2, 2, figsize=(14, 9), layout="constrained")
    _draw_stages(stages, figures["one at a time"])
    _draw_shares(shares, figures["side by side"])
    _draw_latency(latency, figures["outstanding"])
    _draw_rate(rate, figures["throughput"])
    picture.savefig(file, format="svg", metadata={"Date": None})
    plt.close(picture)


def _draw_stages(axes, one_at_a_time):
    begin = 0
    for what, values in one_at_a_time["stages"]:
        middle = percentile(values, 50)
        axes.barh(what, middle, left=begin)
        axes.annotate(f"{middle:.1f}", (begin + middle, what), xytext=(3, 0), textcoords="offset points", va="center")
        begin += middle
    axes.invert_yaxis()
    axes.set(title="One SandboxCommand, one at a time: median of each stage", xlabel="ms")


def _draw_shares(axes, times):
    ordered = sorted(times.items(), key=lambda entry: statistics.median(entry[1]))
    axes.boxplot([[1000 * one for one in seconds] for _, seconds in ordered], orientation="horizontal", showfliers=False)
    axes.set_yticks(range(1, len(ordered) + 1), [name for name, _ in ordered])
    axes.set(title="`true`, side by side", xlabel="ms", xlim=(0, None))


def _draw_latency(axes, outstanding):
    for percent in (50, 95, 99):
        axes.plot([int(one) for one in outstanding], [percentile(its["milliseconds"], percent) for its in outstanding.values()], marker="o",
                  label=f"p{percent}")
    axes.set_xscale("log", base=2)
    axes.set_xticks([int(one) for one in outstanding], list(outstanding))
    axes.set(title="Created → result visible, closed loops", xlabel="outstanding commands", ylabel="ms", ylim=(0, None))
    axes.legend()


def _draw_rate(axes, rounds):
    names = {"ours": "through\nthe API", "bare": "bare\nrunsc run", "bare, limited": "bare runsc run,\nwith limits"}
    for name, called in names.items():
        if name in rounds:
            rates = [one["per second"] for one in rounds[name]]
            axes.bar(called, statistics.median(rates))
            axes.plot([called] * len(rates), rates, "k.")
    axes.set(title="Commands per second at saturation", ylim=(0, None))
