"""Backup and restore of the database."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from control_plane_api.backup import BackupError, dump, restore, verify
from control_plane_api.infrastructure.mongo.database import Database
from lcm_core.etcd import EtcdClient

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def fill(database: Database) -> None:
    await database["sessions"].insert_many([{"_id": f"s{n}", "version": n, "at": AT} for n in range(450)])
    await database["audit"].insert_one({"_id": "a", "secret": b"\x00sealed"})


async def test_what_was_destroyed_is_there_again(database: Database, own_etcd: EtcdClient, tmp_path: Path) -> None:
    await fill(database)
    counts = await dump(database, tmp_path / "backup")
    assert counts == {"audit": 1, "sessions": 450}
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    await database["sessions"].delete_many({})
    await database["audit"].delete_many({})
    assert await restore(database, own_etcd, tmp_path / "backup", replace=False) == counts
    assert await database["sessions"].count_documents({}) == 450
    assert await database["sessions"].find_one({"_id": "s7"}) == {"_id": "s7", "version": 7, "at": AT}
    assert await database["audit"].find_one({}) == {"_id": "a", "secret": b"\x00sealed"}


async def test_newer_data_is_replaced_on_request_only_and_the_projection_is_cleared(
    database: Database, own_etcd: EtcdClient, tmp_path: Path
) -> None:
    await fill(database)
    await dump(database, tmp_path / "backup")
    await database["sessions"].insert_one({"_id": "newer"})
    await own_etcd.put("/lcm/sessions/newer/state", b"x")
    await own_etcd.put("/lcm-run/members/a", b"x")
    with pytest.raises(BackupError, match="not empty"):
        await restore(database, own_etcd, tmp_path / "backup", replace=False)
    await restore(database, own_etcd, tmp_path / "backup", replace=True)
    assert await database["sessions"].find_one({"_id": "newer"}) is None
    assert await own_etcd.get("/lcm/sessions/newer/state") is None
    assert await own_etcd.get("/lcm-run/members/a") is not None


async def test_a_cut_off_backup_is_refused_before_anything_is_touched(
    database: Database, own_etcd: EtcdClient, tmp_path: Path
) -> None:
    await fill(database)
    await dump(database, tmp_path / "backup")
    whole = (tmp_path / "backup").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackupError, match=r"damaged|incomplete"):
        verify(tmp_path / "cut")
    with pytest.raises(BackupError):
        await restore(database, own_etcd, tmp_path / "cut", replace=True)
    assert await database["sessions"].count_documents({}) == 450
