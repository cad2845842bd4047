"""The CRD files of this repository, and walks over their schemas."""

from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CRDS = {name: REPOSITORY / "crds" / f"fumehood.dev_{name}.yaml" for name in ("sandboxcommands", "sandboxexecutors")}


def version_of(crd):
    return yaml.safe_load(CRDS[crd].read_text())["spec"]["versions"][0]


def schema_of(crd):
    return version_of(crd)["schema"]["openAPIV3Schema"]


def fields(schema, path=""):
    """Every (path, schema) at and below `schema`: properties, items and the values of maps."""
    yield path or ".", schema
    for name, below in schema.get("properties", {}).items():
        yield from fields(below, f"{path}.{name}".lstrip("."))
    if "items" in schema:
        yield from fields(schema["items"], f"{path}[]")
    if "additionalProperties" in schema:
        yield from fields(schema["additionalProperties"], f"{path}{{}}")
