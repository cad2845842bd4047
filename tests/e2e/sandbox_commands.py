"""SandboxCommands of one namespace: create, read, change, and wait for what becomes of them."""

import base64
import json
import time

from kubernetes import client, watch

GROUP, VERSION, PLURAL = "fumehood.dev", "v1alpha1", "sandboxcommands"
FINAL_PHASES = ("Succeeded", "Failed", "TimedOut", "Cancelled")
JSON_PATCH, MERGE_PATCH, APPLY = "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"


class Refused(Exception):
    """The API server said no."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def refusal_of(call):
    """The Refused that `call` must raise."""
    try:
        call()
    except Refused as refused:
        return refused
    raise AssertionError("the API server accepted what it must refuse")


def api_call(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except client.exceptions.ApiException as error:
        try:
            message = json.loads(error.body)["message"]
        except (TypeError, ValueError, KeyError):
            message = str(error.body)
        raise Refused(error.status, message) from error


def condition(command, kind):
    """The condition of that type, or an empty dict."""
    found = [one for one in command.get("status", {}).get("conditions", []) if one["type"] == kind]
    return found[0] if found else {}


def is_finished(command):
    return condition(command, "Finished").get("status") == "True"


def outcome(command):
    """How a finished command ended: its phase, and the reason of its condition Succeeded."""
    return command["status"]["phase"], condition(command, "Succeeded").get("reason")


def waits_because(reason):
    def check(command):
        scheduled = condition(command, "Scheduled")
        return scheduled.get("status") == "False" and scheduled.get("reason") == reason
    return check


def output(command, stream="stdout"):
    """The bytes that the status keeps of one stream."""
    status = command["status"]
    text = status.get(stream, "")
    return base64.b64decode(text, validate=True) if status.get("outputEncoding") == "base64" else text.encode()


class SandboxCommands:
    """The SandboxCommands of one namespace, through the Python client."""

    def __init__(self, api, namespace):
        self.namespace = namespace
        self._objects = client.CustomObjectsApi(api)
        self._where = (GROUP, VERSION, namespace, PLURAL)

    def create(self, name, spec, dry_run=False, **parts):
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "SandboxCommand", "metadata": {"name": name}, "spec": spec} | parts
        return api_call(self._objects.create_namespaced_custom_object, *self._where, body, field_validation="Strict",
                        **({"dry_run": "All"} if dry_run else {}))

    def get(self, name):
        return api_call(self._objects.get_namespaced_custom_object, *self._where, name)

    def list(self, field_selector):
        return api_call(self._objects.list_namespaced_custom_object, *self._where, field_selector=field_selector)["items"]

    def patch(self, name, patch):
        """A merge patch where `patch` is a dict, a JSON patch where it is a list."""
        return api_call(self._objects.patch_namespaced_custom_object, *self._where, name, patch,
                        field_validation="Strict", _content_type=_patch_type(patch))

    def patch_status(self, name, patch):
        """As patch, of the subresource status: {"status": …}."""
        return api_call(self._objects.patch_namespaced_custom_object_status, *self._where, name, patch,
                        field_validation="Strict", _content_type=_patch_type(patch))

    def replace(self, command):
        return api_call(self._objects.replace_namespaced_custom_object, *self._where, command["metadata"]["name"], command)

    def replace_status(self, command):
        return api_call(self._objects.replace_namespaced_custom_object_status, *self._where, command["metadata"]["name"], command)

    def apply_status(self, name, status):
        """Server-side apply, which takes fields away from those who wrote them."""
        body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "SandboxCommand", "metadata": {"name": name}, "status": status}
        return api_call(self._objects.patch_namespaced_custom_object_status, *self._where, name, body,
                        field_manager="e2e", force=True, _content_type=APPLY)

    def delete(self, name):
        return api_call(self._objects.delete_namespaced_custom_object, *self._where, name)

    def delete_all(self):
        return api_call(self._objects.delete_collection_namespaced_custom_object, *self._where)

    def cancel(self, name):
        return self.patch(name, {"spec": {"cancel": True}})

    def run(self, name, spec, deadline=90):
        """Creates a command and returns it as it is after its end."""
        self.create(name, spec)
        return self.wait_finished(name, deadline)

    def wait_finished(self, name, deadline=90):
        return self.wait_until(name, is_finished, deadline)

    def wait_until(self, name, holds, deadline=90):
        """The first version of the command for which `holds`; an AssertionError tells what it was like instead."""
        last = None
        for event in self.events(deadline, field_selector=f"metadata.name={name}"):
            last = event["object"]
            if event["type"] != "DELETED" and holds(last):
                return last
            if is_finished(last) or event["type"] == "DELETED":
                break
        raise AssertionError(f"sandboxcommand {name} did not get there in {deadline} s; the last that was seen: "
                             f"{json.dumps((last or {}).get('status'))}")

    def wait_gone(self, name, deadline=90):
        try:
            version = self.get(name)["metadata"]["resourceVersion"]
        except Refused as refused:
            if refused.code == 404:
                return
            raise
        for event in self.events(deadline, field_selector=f"metadata.name={name}", resource_version=version):
            if event["type"] == "DELETED":
                return
        raise AssertionError(f"sandboxcommand {name} is still there after {deadline} s")

    def events(self, deadline, **options):
        """What a watch delivers until the deadline; without a resource_version it begins with the objects that are there."""
        end = time.monotonic() + deadline
        for event in watch.Watch().stream(self._objects.list_namespaced_custom_object, *self._where,
                                          timeout_seconds=deadline, _request_timeout=(10, deadline + 10), **options):
            yield event
            if time.monotonic() > end:
                return


def _patch_type(patch):
    return JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
