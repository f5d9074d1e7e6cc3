"""S3 removes old evidence by a rule of the bucket, which the controller keeps beside the rules of others."""

import asyncio
from pathlib import Path

import boto3
import pytest

from lablet_controller.adapters.content_store import S3ContentStore
from lcm_core.spi.errors import OutsideError

THEIRS = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "packages/"}, "Expiration": {"Days": 900}}


def rules(endpoint: str, bucket: str) -> list[dict[str, object]]:
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    return list(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Such as any simulated account takes."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


async def test_evidence_expires_by_a_rule_that_leaves_the_others(moto_endpoint: str, unique_name: str) -> None:
    s3 = boto3.client("s3", endpoint_url=moto_endpoint, region_name="us-east-1")
    await asyncio.to_thread(lambda: s3.create_bucket(Bucket=unique_name))
    for days in (30, 30, 7):
        store = S3ContentStore(moto_endpoint, region="us-east-1")
        await store.expire(unique_name, "evidence/", days)
        await store.close()
        (rule,) = await asyncio.to_thread(rules, moto_endpoint, unique_name)
        assert (rule["ID"], rule["Filter"], rule["Expiration"]) == (
            "lcm-evidence",
            {"Prefix": "evidence/"},
            {"Days": days},
        )
    both = {"Rules": [THEIRS, *await asyncio.to_thread(rules, moto_endpoint, unique_name)]}
    await asyncio.to_thread(
        lambda: s3.put_bucket_lifecycle_configuration(Bucket=unique_name, LifecycleConfiguration=both)  # type: ignore[arg-type]
    )
    store = S3ContentStore(moto_endpoint, region="us-east-1")
    await store.expire(unique_name, "evidence/", 90)
    await store.close()
    kept = {rule["ID"]: rule["Expiration"] for rule in await asyncio.to_thread(rules, moto_endpoint, unique_name)}
    assert kept == {"theirs": {"Days": 900}, "lcm-evidence": {"Days": 90}}


async def test_a_storage_that_cannot_be_asked_says_so(moto_endpoint: str) -> None:
    store = S3ContentStore(moto_endpoint, region="us-east-1")
    with pytest.raises(OutsideError, match="NoSuchBucket"):
        await store.expire("no-such-bucket-anywhere", "evidence/", 90)
    await store.close()
