"""The controller itself: system pages, users and groups, licensing, definitions, pools."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from recorder import Recorder
from virl2_client import ClientLibrary
from virl2_client.models import LabRepositoryManagement


def system(record: Recorder, client: ClientLibrary) -> None:
    """System pages."""
    record.do("system_info", client.system_info, lambda found: found["ready"])
    record.do("is_system_ready", client.is_system_ready, lambda ready: ready)
    record.do("get_system_health", client.get_system_health, lambda found: found["valid"])
    record.do("get_system_stats", client.get_system_stats, lambda found: found["all"]["cpu"]["count"] > 0)
    record.do("get_diagnostics", client.get_diagnostics, lambda found: "error" not in found["services"])
    management = client.system_management
    host = record.do("system.controller", lambda: management.controller, lambda host: host.is_connector)
    record.do("compute_host.admission_state=", lambda: setattr(host, "admission_state", "REGISTERED"))
    host.admission_state = "READY"
    record.refused("compute_host.remove", host.remove, 409)
    record.do("get_new_compute_host_state", management.get_new_compute_host_state, lambda state: state == "READY")
    record.do("set_new_compute_host_state", lambda: management.set_new_compute_host_state("REGISTERED"))
    record.do("system_notices", lambda: management.system_notices, lambda found: found == {})
    record.do("maintenance_mode", lambda: management.maintenance_mode, lambda mode: mode is False)
    record.do("maintenance_mode=", lambda: setattr(management, "maintenance_mode", True))
    management.maintenance_mode = False
    session = client._session
    notice = {"level": "WARNING", "label": "Work", "content": "At night", "enabled": True, "groups": []}
    session.post("system/notices", json=notice)
    management.sync_system_notices()
    shown = next(iter(management.system_notices.values()))
    record.do("notice.update", lambda: shown.update({"content": "Later"}))
    record.do("maintenance_notice=", lambda: setattr(management, "maintenance_notice", shown))
    record.do("notice.remove", shown.remove)
    connectors = record.do("get_external_connectors", management.get_external_connectors, lambda found: len(found) == 2)
    record.do("get_external_connectors sync", lambda: management.get_external_connectors(sync=True))
    record.do("update_external_connector",
              lambda: management.update_external_connector(connectors[1]["id"], {"label": "Bridge"}))  # fmt: skip
    record.do("delete_external_connector", lambda: management.delete_external_connector(connectors[1]["id"]))
    record.do("get_web_session_timeout", management.get_web_session_timeout, lambda seconds: seconds == 86_400)
    record.do("set_web_session_timeout", lambda: management.set_web_session_timeout(3600))
    record.do("telemetry_state", lambda: management.telemetry_state)
    record.do("telemetry_state=", lambda: setattr(management, "telemetry_state", management.telemetry_state))
    record.do("get_telemetry_events", management.get_telemetry_events, lambda found: found == [])
    record.do("auth.method", lambda: client.auth_management.method, lambda method: method == "local")
    record.do("auth.get_settings", client.auth_management.get_settings)
    record.do("auth.get_ldap_groups", client.auth_management.get_ldap_groups, lambda groups: groups == [])
    record.do("auth.refresh_ldap_groups", client.auth_management.refresh_ldap_groups)


def repositories(record: Recorder, client: ClientLibrary) -> None:
    """Repositories of labs, which controllers have since 2.9."""
    known = LabRepositoryManagement(client.system_management, client._session)
    record.do("add_lab_repository", lambda: known.add_lab_repository("https://127.0.0.1/labs.git", "labs"))
    record.do("get_lab_repositories", known.get_lab_repositories, lambda found: found[0]["folder"] == "labs")
    record.do("refresh_lab_repositories", known.refresh_lab_repositories, lambda found: "labs" in found)
    record.do("lab_repository.remove", lambda: next(iter(known.lab_repositories.values())).remove())


def people(record: Recorder, client: ClientLibrary, lab: Any) -> None:
    """Users, groups, permissions, pools."""
    users, groups = client.user_management, client.group_management
    user = record.do("create_user", lambda: users.create_user("learner", "secret-1", fullname="A learner"))
    record.do("users", users.users, lambda found: {item["username"] for item in found} == {"admin", "learner"})
    record.do("get_user", lambda: users.get_user(user["id"]), lambda found: found["fullname"] == "A learner")
    record.do("user_id", lambda: users.user_id("learner"), lambda found: found == user["id"])
    record.do("update_user", lambda: users.update_user(user["id"], email="l@example.org"),
              lambda found: found["email"] == "l@example.org")  # fmt: skip
    group = record.do("create_group", lambda: groups.create_group("class", members=[user["id"]]))
    record.do("groups", groups.groups, lambda found: len(found) == 1)
    record.do("get_group", lambda: groups.get_group(group["id"]), lambda found: found["members"] == [user["id"]])
    record.do("group_id", lambda: groups.group_id("class"), lambda found: found == group["id"])
    record.do("update_group", lambda: groups.update_group(group["id"], description="Monday"))
    record.do("group_members", lambda: groups.group_members(group["id"]), lambda found: found == [user["id"]])
    record.do("user_groups", lambda: users.user_groups(user["id"]), lambda found: found == [group["id"]])
    shared = {"groups": [{"id": group["id"], "permissions": ["lab_view", "lab_exec"]}], "users": []}
    record.do("lab.update_associations", lambda: lab.update_associations(shared), lambda found: found == shared)
    record.do("lab.associations", lambda: lab.associations, lambda found: found["groups"] == shared["groups"])
    view = [{"id": lab.id, "permissions": ["lab_view"]}]
    record.do("users.update_associations", lambda: users.update_associations(user["id"], view))
    record.do("groups.update_associations", lambda: groups.update_associations(group["id"], view))
    pools = client.resource_pool_management
    pool = record.do("create_resource_pool", lambda: pools.create_resource_pool("small", ram=4096, users=[user["id"]]))
    record.do("resource_pools", lambda: pools.resource_pools, lambda found: pool.id in found)
    record.do("resource_pool.licenses=", lambda: setattr(pool, "licenses", 3))
    record.do("resource_pool.get_usage", pool.get_usage, lambda usage: usage.limit.licenses == 3)
    many = record.do("create_resource_pools", lambda: pools.create_resource_pools("each", users=[user["id"]], cpus=400))
    record.do("a template and a pool of it", lambda: many, lambda found: len(found) == 2 and found[0].is_template)
    for item in [*reversed(many), pool]:
        record.do("resource_pool.remove", item.remove)
    record.do("delete_group", lambda: groups.delete_group(group["id"]))
    record.do("delete_user", lambda: users.delete_user(user["id"]))
    record.refused("a user that is gone", lambda: users.get_user(user["id"]), 404, "User does not exist")


def licensing(record: Recorder, client: ClientLibrary) -> None:
    """Register, change the counts, give back, reserve."""
    license_ = client.licensing
    record.do("licensing.status", license_.status, lambda found: found["registration"]["status"] == "NOT_REGISTERED")
    record.do("licensing.set_transport", lambda: license_.set_transport("https://127.0.0.1/license", None, None))
    record.do("licensing.set_default_transport", license_.set_default_transport)
    record.refused("a malformed token", lambda: license_.register("not a token"), 400)
    record.do("licensing.register", lambda: license_.register("invalid-token"), lambda accepted: accepted)
    record.until("a worthless token fails later", lambda: "is not valid" in _failure(license_))
    record.do("licensing.register_wait", lambda: license_.register_wait("good-token", reregister=True))
    record.do("licensing.features", license_.features, lambda found: len(found) == 2)
    nodes = license_.features()[1]["id"]
    record.do("licensing.update_features", lambda: license_.update_features([{"id": nodes, "count": 80}]))
    record.refused("a count that changes nothing", lambda: license_.update_features({nodes: 80}), 400)
    record.do("licensing.register_renew", license_.register_renew)
    record.do("licensing.renew_authorization", license_.renew_authorization)
    record.do("licensing.tech_support", license_.tech_support, lambda text: "UDI" in text)
    record.do("licensing.deregister", license_.deregister, lambda status: status == 204)
    record.refused("a second deregistration", license_.deregister, 400, "already been de-registered")
    record.do("licensing.set_product_license", lambda: license_.set_product_license("CML_Personal"))
    record.refused("the active product", lambda: license_.set_product_license("CML_Personal"), 400)
    license_.set_product_license("CML_Enterprise")
    record.do("licensing.enable_reservation_mode", license_.enable_reservation_mode)
    record.do("licensing.request_reservation", license_.request_reservation, lambda code: code)
    record.do("licensing.complete_reservation", lambda: license_.complete_reservation("code"), lambda code: code)
    record.do("licensing.get_reservation_confirmation_code", license_.get_reservation_confirmation_code)
    record.do("licensing.delete_reservation_confirmation_code", license_.delete_reservation_confirmation_code)
    record.do("licensing.release_reservation", license_.release_reservation, lambda code: code)
    record.do("licensing.get_reservation_return_code", license_.get_reservation_return_code, lambda code: code)
    record.do("licensing.delete_reservation_return_code", license_.delete_reservation_return_code)
    license_.request_reservation()
    record.do("licensing.cancel_reservation", license_.cancel_reservation)
    record.do("licensing.disable_reservation_mode", license_.disable_reservation_mode)
    license_.register_wait("good-token")


def _failure(license_: Any) -> str:
    return str(license_.status()["registration"]["register_time"]["failure"])


def definitions(record: Recorder, client: ClientLibrary) -> None:
    """Node and image definitions and image files."""
    known = client.definitions
    record.do("node_definitions", known.node_definitions, lambda found: {"iosv", "asav"} <= {d["id"] for d in found})
    record.do("image_definitions", known.image_definitions, lambda found: len(found) > 20)
    record.do("image_definitions_for_node_definition", lambda: known.image_definitions_for_node_definition("iosv"))
    text = record.do("download_node_definition", lambda: known.download_node_definition("iosv"))
    own = text.replace("id: iosv\n", "id: my-router\n", 1).replace("read_only: true", "read_only: false")
    record.do("upload_node_definition", lambda: known.upload_node_definition(own), lambda said: said == "Success")
    record.do("upload_node_definition update", lambda: known.upload_node_definition(own, update=True))
    record.do("set_node_definition_read_only", lambda: known.set_node_definition_read_only("my-router", True))
    known.set_node_definition_read_only("my-router", False)
    image = {"id": "my-image", "node_definition_id": "my-router", "label": "Mine", "disk_image": "x.qcow2"}
    record.do("upload_image_definition", lambda: known.upload_image_definition(image), lambda said: said == "Success")
    record.do("download_image_definition", lambda: known.download_image_definition("my-image"))
    record.do("set_image_definition_read_only", lambda: known.set_image_definition_read_only("my-image", False))
    record.do("remove_image_definition", lambda: known.remove_image_definition("my-image"))
    record.do("remove_node_definition", lambda: known.remove_node_definition("my-router"))
    record.refused("removing a shipped definition", lambda: known.remove_node_definition("iosv"), 400)
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "disk.qcow2"
        disk.write_bytes(b"QFI\xfb" * 300)
        record.do("upload_image_file", lambda: known.upload_image_file(disk))
    record.do("download_image_file_list", known.download_image_file_list, lambda found: "disk.qcow2" in found)
    record.do("remove_dropfolder_image", lambda: known.remove_dropfolder_image("disk.qcow2"))
