"""What goes through the API server, from the metrics of everybody who takes part."""

import re
import urllib.request

_SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)')
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE")


def total(text, name, **labels):
    """The sum of the samples of that name that have these labels; `text`: in Prometheus' format."""
    found = 0
    for line in text.splitlines():
        if not line.startswith(name):  # most of them, and the API server has many
            continue
        match = _SAMPLE.match(line)
        if match and match[1] == name and labels.items() <= dict(_LABEL.findall(match[2] or "")).items():
            found += float(match[3])
    return found


class Traffic:
    """`programs`: {name: URL of its metrics}, of those that write SandboxCommands."""

    def __init__(self, server, programs):
        self._connection = server.connect()
        self._programs = programs
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def snapshot(self):
        """Counters so far, by what they count."""
        text = self._connection.request("GET", "/metrics").decode()
        counted = {f"{verb} sandboxcommands{'/' + part if part else ''}":
                   total(text, "apiserver_request_total", resource="sandboxcommands", verb=verb, subresource=part)
                   for verb in _WRITES for part in ("", "status")}
        counted["watch bytes"] = total(text, "apiserver_watch_events_sizes_sum", resource="sandboxcommands")
        counted["watch events"] = total(text, "apiserver_watch_events_sizes_count", resource="sandboxcommands")
        for name, url in self._programs.items():
            with self._opener.open(url, timeout=10) as answer:
                text = answer.read().decode()
            counted[f"{name} sent bytes"] = total(text, "rest_client_request_size_bytes_sum", verb="PATCH")
            counted[f"{name} received bytes"] = total(text, "rest_client_response_size_bytes_sum", verb="PATCH")
        return counted


def per_command(before, after, commands):
    """What one command has cost, of all that cost something."""
    return {name: (after[name] - before[name]) / commands for name in before if after[name] != before[name]}
