"""The entry point of the images: secrets from files, restart on changed sources."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lcm_core.container import SecretFileError, newest_change, secrets_from_files


def test_a_secret_file_becomes_the_setting_it_is_named_after(tmp_path: Path) -> None:
    secret = tmp_path / "jwt"
    secret.write_text("s3cret\n")
    assert secrets_from_files({"JWT_SECRET_KEY_FILE": str(secret), "OTHER": "x"}) == {"JWT_SECRET_KEY": "s3cret"}


def test_variables_that_name_other_files_are_left_alone() -> None:
    assert secrets_from_files({"LCM_CLOCK_FILE": "/data/clock.json", "TERRAFORM_CONFIG_FILE": "/missing"}) == {}


def test_a_secret_given_twice_or_missing_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SecretFileError, match="either REDIS_URL or REDIS_URL_FILE"):
        secrets_from_files({"REDIS_URL": "redis://x", "REDIS_URL_FILE": "/run/secrets/redis"})
    with pytest.raises(SecretFileError, match=r"REDIS_URL_FILE: .*No such file"):
        secrets_from_files({"REDIS_URL_FILE": str(tmp_path / "missing")})


def test_the_service_runs_with_its_secret_and_its_own_exit_status(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text("import os, sys\nsys.exit(len(os.environ['LCM_GRADING_TOKEN']))\n")
    (tmp_path / "token").write_text("12345")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "LCM_GRADING_TOKEN_FILE": str(tmp_path / "token")}
    command = [sys.executable, "-m", "lcm_core.container", "service"]
    assert subprocess.run(command, env=environment, check=False).returncode == 5


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    source = tmp_path / "package" / "module.py"
    source.parent.mkdir()
    source.write_text("")
    before = newest_change([tmp_path])
    os.utime(source, (time.time() + 5, time.time() + 5))
    assert newest_change([tmp_path]) > before
