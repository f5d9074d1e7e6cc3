"""What only some releases know, and what users may do with the labs of others."""

from __future__ import annotations

from typing import Any

from recorder import Recorder
from virl2_client import ClientLibrary
from virl2_client.virl2_client import Version

LDAP = {"method": "ldap", "server_urls": "ldap://127.0.0.1", "root_dn": "dc=lab", "manager_password": "secret"}
ALONE = {"enabled": True, "priority": 7, "delay": 60}


def run(record: Recorder, client: ClientLibrary, other_client: Any) -> None:
    """Everything here; `other_client` signs another user in."""
    announced = client.check_controller_version()
    lab = client.create_lab("Releases")
    lab.wait_time = 0.1
    node = lab.create_node("r1", "iosv")
    if announced >= Version("2.9.0"):
        host = client.system_management.controller.compute_id
        node.pinned_compute_id = host
        again = client.join_existing_lab(lab.id, sync_lab=True)
        again.sync()
        record.do(
            "node.pinned_compute_id", lambda: again.get_node_by_id(node.id).pinned_compute_id, lambda is_: is_ == host
        )
    if announced >= Version("2.10.0"):
        _newest(record, lab, node)
    else:
        _older(record, client, lab)
    _authentication(record, client)
    _pools(record, client)
    _members(record, client, lab, other_client)
    lab.stop(wait=True)
    lab.wipe(wait=True)
    lab.remove()


def _newest(record: Recorder, lab: Any, node: Any) -> None:
    record.do("lab.set_autostart", lambda: lab.set_autostart(**ALONE))
    record.do("lab.autostart", lab.details, lambda found: found["autostart"] == ALONE)
    record.refused("a priority that is too high", lambda: lab.set_autostart(priority=10_001), 400, "validation failed")
    record.do("lab.set_node_staging", lambda: lab.set_node_staging(enabled=True, start_remaining=False))
    record.do("lab.node_staging", lab.details, lambda found: found["node_staging"]["start_remaining"] is False)
    lab.set_node_staging(enabled=False)
    record.do("node.priority=", lambda: setattr(node, "priority", 12))
    record.do("node.set_pyats_credentials", lambda: node.set_pyats_credentials(username="u", password="p"))
    lab.sync(topology_only=True)
    record.do("node.pyats_credentials", lambda: node.pyats_credentials["username"], lambda name: name == "u")


def _older(record: Recorder, client: ClientLibrary, lab: Any) -> None:
    group = client.group_management.create_group("readers")
    record.do("lab.update_lab_groups", lambda: lab.update_lab_groups([{"id": group["id"], "permission": "read_only"}]))
    record.do("lab.groups", lambda: lab.groups, lambda found: found == [{"id": group["id"], "permission": "read_only"}])
    record.do("lab.associations of a group", lambda: lab.associations["groups"][0]["permissions"],
              lambda found: found == ["lab_view"])  # fmt: skip
    client.group_management.delete_group(group["id"])


def _authentication(record: Recorder, client: ClientLibrary) -> None:
    known = client.auth_management
    record.do("auth.update_settings", lambda: known.update_settings(LDAP))
    record.do("auth.manager", lambda: known.manager.server_urls, lambda url: url == "ldap://127.0.0.1")
    record.do("auth.manager.root_dn=", lambda: setattr(known.manager, "root_dn", "dc=other"))
    record.do("auth.test_current_auth", lambda: known.test_current_auth("secret", "u", "p"))
    record.do("auth.method=", lambda: setattr(known, "method", "local"))


def _pools(record: Recorder, client: ClientLibrary) -> None:
    pools = client.resource_pool_management
    user = client.user_management.create_user("pooled", "secret-2")
    template = pools.create_resource_pool("two nodes", licenses=2)
    made = record.do("create_resource_pools of a template",
                     lambda: pools.create_resource_pools("each", [user["id"]], template=template.id))  # fmt: skip
    pools.sync_resource_pools()
    record.do("resource_pool.user_pools", lambda: template.user_pools, lambda found: found == [made[0].id])
    record.do("resource_pool.remove of a template's pool", made[0].remove)
    template.remove()
    client.user_management.delete_user(user["id"])


def _members(record: Recorder, client: ClientLibrary, lab: Any, other_client: Any) -> None:
    users = client.user_management
    user = users.create_user("member", "secret-3")
    member = other_client("member", "secret-3")
    record.do("a stranger sees no lab", lambda: member.get_lab_list(show_all=True), lambda found: found == [])
    users.update_associations(user["id"], [{"id": lab.id, "permissions": ["lab_view"]}])
    record.do("a member sees the lab", lambda: member.get_lab_list(show_all=True), lambda found: found == [lab.id])
    shared = member.join_existing_lab(lab.id)
    record.refused("a viewer may not change", lambda: setattr(shared, "title", "Mine"), 403)
    record.refused("a viewer may not start", lambda: shared.start(wait=False), 403)
    users.update_associations(user["id"], [{"id": lab.id, "permissions": ["lab_view", "lab_exec"]}])
    record.do("a member with lab_exec starts", lambda: shared.start(wait=False))
    record.refused("a user may not make users", lambda: member.user_management.create_user("x", "secret-4"), 403)
    lab.wait_until_lab_converged(100, 0.1)
    users.delete_user(user["id"])
