"""Where the platform is and who is signed in: flags, then environment, then the saved profile."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from lcm_cli.errors import CliError

DEFAULT_URL = "http://127.0.0.1:8000"


class SavedSignIn(BaseModel):
    """A token of one platform."""

    token: str
    username: str
    expires_at: datetime


class ProfileFile(BaseModel):
    """Sign-ins by platform address, and the address used last."""

    current: str = DEFAULT_URL
    sign_ins: dict[str, SavedSignIn] = {}


def profile_path() -> Path:
    """``LCM_CONFIG``, else ``lcm/profile.json`` in the user's configuration folder."""
    configured = os.environ.get("LCM_CONFIG")
    if configured:
        return Path(configured)
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "lcm" / "profile.json"


def load() -> ProfileFile:
    """The saved profile; an empty one when there is none. Raises ``CliError`` for a damaged file."""
    path = profile_path()
    if not path.exists():
        return ProfileFile()
    try:
        return ProfileFile.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise CliError(f"{path} cannot be read; delete it and run `lcm login`: {error}") from error


def save(profile: ProfileFile) -> None:
    """Store the profile for its owner alone."""
    path = profile_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(profile.model_dump(mode="json"), indent=1))
    partial.replace(path)


@dataclass(frozen=True, slots=True)
class Target:
    """The platform that a command talks to."""

    url: str
    token: str

    @classmethod
    def choose(cls, url: str = "") -> "Target":
        """From ``--url``, ``LCM_URL`` and ``LCM_TOKEN``, or the saved profile."""
        profile = load()
        chosen = (url or os.environ.get("LCM_URL") or profile.current).rstrip("/")
        token = os.environ.get("LCM_TOKEN") or ""
        saved = profile.sign_ins.get(chosen)
        if not token and saved is not None and saved.expires_at > datetime.now(UTC):
            token = saved.token
        return cls(chosen, token)


def remember(url: str, username: str, token: str, expires_in: int) -> None:
    """Keep a sign-in and make its platform the current one."""
    profile = load()
    expires_at = datetime.now(UTC) + timedelta(seconds=expires_in)
    profile.sign_ins[url] = SavedSignIn(token=token, username=username, expires_at=expires_at)
    profile.current = url
    save(profile)


def forget(url: str) -> bool:
    """Drop the sign-in of a platform; whether there was one."""
    profile = load()
    known = profile.sign_ins.pop(url, None)
    save(profile)
    return known is not None
