#!/usr/bin/env python3
"""Edits Docker's daemon.json: one runtime is set or removed, and nothing else changes.

usage: daemon_json.py path FILE RUNTIME            prints the path that RUNTIME has, or nothing
       daemon_json.py pidfile FILE                 prints the pid file that FILE names, or nothing
       daemon_json.py register FILE RUNTIME PATH   prints FILE as it has to be, so that RUNTIME is the program PATH
       daemon_json.py unregister FILE RUNTIME      prints FILE as it has to be without RUNTIME
       daemon_json.py forget FILE RUNTIME          the same, with "runtimes" in any case: what a running dockerd has to read
                                                   once, because it keeps the runtimes that it has when the key is missing

Never writes FILE, which may be missing or empty. What can't be done is said on stderr, with exit status 1.
"""

import json
import re
import sys
from pathlib import Path


class Refused(Exception):
    """Why the file can't be edited as asked."""


def _object(pairs):
    # Docker takes the last of two equal keys; written back, the other one would be lost.
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise Refused(f'the key "{twice[0]}" is there twice in one object')
    return dict(pairs)


def parse(text):
    """The configuration that `text` is."""
    if not text.strip():
        return {}
    try:
        config = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Refused(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    if not isinstance(config, dict):
        raise Refused("it is not a JSON object")
    if not isinstance(config.get("runtimes", {}), dict):
        raise Refused('"runtimes" is not a JSON object')
    return config


def serialize(config, like):
    """`config` as text, indented as the text `like` is."""
    indent = re.search(r"^([ \t]+)\S", like, re.MULTILINE)
    return json.dumps(config, indent=indent[1] if indent else 4, ensure_ascii=False) + "\n"


def path_of(config, name):
    entry = config.get("runtimes", {}).get(name)
    return entry.get("path") if isinstance(entry, dict) else None


def register(config, name, path):
    """Keeps what else the entry has, such as runtimeArgs."""
    entry = config.get("runtimes", {}).get(name, {})
    if not isinstance(entry, dict):
        raise Refused(f'the runtime "{name}" is not a JSON object')
    if "runtimeType" in entry:
        raise Refused(f'the runtime "{name}" is there already, as a containerd shim ("runtimeType"); remove it first')
    return config | {"runtimes": config.get("runtimes", {}) | {name: entry | {"path": path}}}


def forget(config, name):
    if config.get("default-runtime") == name:
        raise Refused(f'"{name}" is the default-runtime; Docker would not start without it')
    others = {other: entry for other, entry in config.get("runtimes", {}).items() if other != name}
    return config | {"runtimes": others}


def unregister(config, name):
    if name not in config.get("runtimes", {}):
        return config
    changed = forget(config, name)
    return changed if changed["runtimes"] else {key: value for key, value in changed.items() if key != "runtimes"}


EDITS = {"register": register, "unregister": unregister, "forget": forget}


def main(action, file, *arguments):
    try:
        text = Path(file).read_bytes().decode() if Path(file).exists() else ""
        config = parse(text)
        if action == "path":
            print(path_of(config, *arguments) or "")
        elif action == "pidfile":
            print(config.get("pidfile", ""))
        else:
            changed = EDITS[action](config, *arguments)
            # As it was, to the byte, where there is nothing to do.
            sys.stdout.write(text if changed == config else serialize(changed, text))
    except (Refused, OSError, UnicodeDecodeError) as error:
        print(f"{file}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
