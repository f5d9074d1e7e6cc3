"""Login, refused logins, and the renewal of a token that the controller no longer takes."""

from __future__ import annotations

from recorder import Recorder
from virl2_client import ClientLibrary
from virl2_client.exceptions import InitializationError


def run(record: Recorder, client: ClientLibrary, url: str, password: str, authority: str) -> None:
    """Operations around the session."""
    record.do("check_controller_version", client.check_controller_version)
    record.do("a wrong password is refused", lambda: _refused(url, authority))
    other = record.do(
        "login with a token", lambda: ClientLibrary(url, jwtoken=_token(client, password), ssl_verify=authority)
    )
    record.do("a client with a token works", other.get_lab_list, lambda ids: ids == [])
    client._session.delete("logout?clear_all_sessions=true")
    record.do("a dead token is renewed by the client", client.get_lab_list, lambda ids: ids == [])


def _token(client: ClientLibrary, password: str) -> str:
    answer = client._session.post("authenticate", json={"username": "admin", "password": password})
    return str(answer.json())


def _refused(url: str, authority: str) -> None:
    try:
        ClientLibrary(url, "admin", "wrong", ssl_verify=authority, raise_for_auth_failure=True)
    except InitializationError as error:
        if "Unable to authenticate" in str(error):
            return
    raise AssertionError("the login was not refused")
