"""S3 over the wire with an unmodified SDK."""

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from ec2_world import Ec2World, ec2_world, error_code

from lcm_simulators.ec2.errors import AwsError
from lcm_simulators.ec2.s3.lifecycle import Lifecycles
from lcm_simulators.ec2.s3.objects import Buckets
from lcm_simulators.ec2.s3.payload import received, unchunked


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2World]:
    with ec2_world(tmp_path_factory.mktemp("ec2")) as running:
        yield running


@pytest.fixture
def bucket(world: Ec2World, unique_name: str) -> str:
    world.s3().create_bucket(Bucket=unique_name)
    return unique_name


def refusal(call: Any, **parameters: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return error_code(refused.value), refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "key", ["plain", "packages/ab.zip", "with space+plus%41/ü€.txt", "a//b/../c", "?query&=x#y", "日本"]
)
def test_an_object_comes_back_as_it_was(world: Ec2World, bucket: str, key: str) -> None:
    s3, content = world.s3(), bytes(range(256)) * 40
    put = s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/zip", Metadata={"lab": "one"})
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == content
    assert (got["ContentType"], got["Metadata"], got["ETag"]) == ("application/zip", {"lab": "one"}, put["ETag"])
    assert put["ETag"].strip('"') == hashlib.md5(content, usedforsecurity=False).hexdigest()
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ContentType"]) == (len(content), "application/zip")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert refusal(s3.get_object, Bucket=bucket, Key=key) == ("NoSuchKey", 404)
    assert refusal(s3.head_object, Bucket=bucket, Key=key) == ("404", 404)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_verified_kept_and_given_back(world: Ec2World, bucket: str, algorithm: Any) -> None:
    s3 = world.s3()
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"content", ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    got["Body"].read()
    name = f"Checksum{algorithm}"
    assert got[name] == put[name]  # type: ignore[literal-required]
    wrong: Any = {name: put[name][:-2] + "A="}  # type: ignore[literal-required]
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"content", **wrong) == ("BadDigest", 400)


def test_a_stream_is_stored_like_bytes(world: Ec2World, bucket: str) -> None:
    content = b"0123456789" * 30_000
    world.s3().upload_fileobj(io.BytesIO(content), bucket, "streamed")
    assert world.s3().get_object(Bucket=bucket, Key="streamed")["Body"].read() == content


def test_a_large_file_is_uploaded_in_parts_and_downloaded_in_ranges(
    world: Ec2World, bucket: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 1024 * 52)
    parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=3)
    world.s3().upload_file(str(source), bucket, "big", Config=parts)
    assert world.s3().head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
    world.s3().download_file(bucket, "big", str(target), Config=parts)
    assert target.read_bytes() == source.read_bytes()


def test_an_upload_that_is_aborted_leaves_nothing(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="part")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="part", UploadId=upload_id, PartNumber=1, Body=b"x")
    wrong: Any = {"Parts": [{"PartNumber": 1, "ETag": '"0"'}]}
    complete = s3.complete_multipart_upload
    assert refusal(complete, Bucket=bucket, Key="part", UploadId=upload_id, MultipartUpload=wrong)[0] == "InvalidPart"
    s3.abort_multipart_upload(Bucket=bucket, Key="part", UploadId=upload_id)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert (
        refusal(s3.upload_part, Bucket=bucket, Key="part", UploadId=upload_id, PartNumber=1, Body=b"x")[0]
        == "NoSuchUpload"
    )


def test_an_object_is_written_only_if_it_is_new_or_as_expected(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    first = s3.put_object(Bucket=bucket, Key="once", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refusal(s3.put_object, Bucket=bucket, Key="once", Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    second = s3.put_object(Bucket=bucket, Key="once", Body=b"2", IfMatch=first)["ETag"]
    assert refusal(s3.put_object, Bucket=bucket, Key="once", Body=b"3", IfMatch=first) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="once", IfMatch=second)["Body"].read() == b"2"
    assert refusal(s3.get_object, Bucket=bucket, Key="once", IfNoneMatch=second) == ("304", 304)


def test_a_part_of_an_object_is_read(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    s3.put_object(Bucket=bucket, Key="ten", Body=b"0123456789")
    for wanted, content in (("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-2", b"89"), ("bytes=8-99", b"89")):
        assert s3.get_object(Bucket=bucket, Key="ten", Range=wanted)["Body"].read() == content
    assert refusal(s3.get_object, Bucket=bucket, Key="ten", Range="bytes=10-") == ("InvalidRange", 416)


def test_listings_know_prefixes_folders_and_pages(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    keys = ["a", "evidence/1/x", "evidence/1/y", "evidence/2/x", "packages/p.zip", "z"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    folders = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [each["Key"] for each in folders["Contents"]] == ["a", "z"]
    assert [each["Prefix"] for each in folders["CommonPrefixes"]] == ["evidence/", "packages/"]
    below = s3.list_objects_v2(Bucket=bucket, Prefix="evidence/", Delimiter="/")
    assert [each["Prefix"] for each in below["CommonPrefixes"]] == ["evidence/1/", "evidence/2/"]
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4}))
    assert [len(page["Contents"]) for page in pages] == [4, 2]
    assert [each["Key"] for page in pages for each in page["Contents"]] == keys
    rolled = list(
        s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    )
    assert len(rolled) == 4
    first_version = s3.get_paginator("list_objects").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [each["Key"] for page in first_version for each in page["Contents"]] == keys


def test_buckets_are_made_found_and_removed(world: Ec2World, unique_name: str) -> None:
    s3, west = world.s3(), world.s3("us-west-2")
    place: Any = {"LocationConstraint": "us-west-2"}
    west.create_bucket(Bucket=unique_name, CreateBucketConfiguration=place)
    again = refusal(west.create_bucket, Bucket=unique_name, CreateBucketConfiguration=place)
    assert again == ("BucketAlreadyOwnedByYou", 409)
    assert s3.head_bucket(Bucket=unique_name)["BucketRegion"] == "us-west-2"
    assert s3.get_bucket_location(Bucket=unique_name)["LocationConstraint"] == "us-west-2"
    assert unique_name in {each["Name"] for each in s3.list_buckets()["Buckets"]}
    s3.put_object(Bucket=unique_name, Key="k", Body=b"")
    assert refusal(s3.delete_bucket, Bucket=unique_name) == ("BucketNotEmpty", 409)
    s3.delete_objects(Bucket=unique_name, Delete={"Objects": [{"Key": "k"}]})
    s3.delete_bucket(Bucket=unique_name)
    assert refusal(s3.head_bucket, Bucket=unique_name) == ("404", 404)
    assert refusal(s3.put_object, Bucket=unique_name, Key="k", Body=b"") == ("NoSuchBucket", 404)


@pytest.mark.parametrize("name", ["UPPER", "ab", "1.2.3.4", "a..b"])
def test_a_bucket_name_follows_the_rules(world: Ec2World, name: str) -> None:
    answer = httpx.put(f"{world.url}/{name}")
    assert (answer.status_code, "InvalidBucketName" in answer.text) == (400, True)


def test_a_presigned_address_is_read_without_credentials_until_it_expires(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    s3.put_object(Bucket=bucket, Key="shared.txt", Body=b"for all")
    parameters = {"Bucket": bucket, "Key": "shared.txt"}
    assert httpx.get(s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=60)).content == b"for all"
    expired = httpx.get(s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=-60))
    assert (expired.status_code, "AccessDenied" in expired.text) == (403, True)


def test_an_object_is_copied(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    s3.put_object(Bucket=bucket, Key="from", Body=b"same", Metadata={"a": "b"})
    s3.copy_object(Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "from"})
    copy = s3.get_object(Bucket=bucket, Key="to")
    assert (copy["Body"].read(), copy["Metadata"]) == (b"same", {"a": "b"})


def test_what_the_store_does_not_have_is_said_to_be_missing(world: Ec2World, bucket: str) -> None:
    assert refusal(world.s3().get_bucket_versioning, Bucket=bucket) == ("NotImplemented", 501)
    assert refusal(world.s3().get_object_tagging, Bucket=bucket, Key="k") == ("NotImplemented", 501)


def test_objects_survive_the_death_of_the_process(tmp_path: Path) -> None:
    with ec2_world(tmp_path) as world:
        s3 = world.s3()
        s3.create_bucket(Bucket="kept")
        s3.put_object(Bucket="kept", Key="deep/ü", Body=b"content", ContentType="text/plain", Metadata={"m": "1"})
        s3.put_object(Bucket="kept", Key="gone", Body=b"")
        s3.delete_object(Bucket="kept", Key="gone")
        upload_id = s3.create_multipart_upload(Bucket="kept", Key="begun")["UploadId"]
        part = s3.upload_part(Bucket="kept", Key="begun", UploadId=upload_id, PartNumber=1, Body=b"first")
        world.process.kill()
        world.start()
        got = s3.get_object(Bucket="kept", Key="deep/ü", ChecksumMode="ENABLED")
        assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"content", "text/plain", {"m": "1"})
        assert got["ChecksumCRC32"]
        parts: Any = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        s3.complete_multipart_upload(Bucket="kept", Key="begun", UploadId=upload_id, MultipartUpload=parts)
        assert [each["Key"] for each in s3.list_objects_v2(Bucket="kept")["Contents"]] == ["begun", "deep/ü"]


def test_faults_strike_an_object_by_its_key(world: Ec2World, bucket: str) -> None:
    world.faults({"match": {"operation": "PutObject", "key": f"{bucket}/bad"}, "kind": "status", "status": 503})
    try:
        assert refusal(world.s3().put_object, Bucket=bucket, Key="bad", Body=b"")[1] == 503
        world.s3().put_object(Bucket=bucket, Key="good", Body=b"")
    finally:
        world.behave()


CHUNKED = b"5;chunk-signature=0\r\nhello\r\n4\r\n you\r\n0\r\nx-amz-checksum-crc32:iOOe2w==\r\n\r\n"


def test_a_chunked_body_is_joined_and_its_trailer_read() -> None:
    assert unchunked(CHUNKED) == (b"hello you", {"x-amz-checksum-crc32": "iOOe2w=="})


def test_the_checksum_in_a_trailer_is_verified() -> None:
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "9"}
    assert received(headers, CHUNKED) == (b"hello you", {"crc32": "iOOe2w=="})
    with pytest.raises(AwsError, match="BadDigest"):
        received(headers, CHUNKED.replace(b"iOOe2w==", b"PsTmXw=="))
    with pytest.raises(AwsError, match="IncompleteBody"):
        received({**headers, "x-amz-decoded-content-length": "10"}, CHUNKED)


@pytest.mark.parametrize("cut", range(0, 36, 3))
def test_a_chunked_body_that_is_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(AwsError, match="IncompleteBody"):
        unchunked(CHUNKED[:cut])


RULE = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}


def test_a_bucket_has_lifecycle_rules(world: Ec2World, bucket: str) -> None:
    s3 = world.s3()
    missing = ("NoSuchLifecycleConfiguration", 404)
    assert refusal(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == missing
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [RULE]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [RULE]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refusal(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == missing


def test_objects_below_a_prefix_are_removed_when_they_are_old_enough(tmp_path: Path) -> None:
    lifecycles, bucket = Lifecycles(), Buckets(tmp_path).create("b", "us-east-1")
    for key in ("logs/a", "logs/b", "logsbook", "other"):
        bucket.write(key, b"x", {}, {})
    body = (
        b"<LifecycleConfiguration><Rule><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status>"
        b"<Expiration><Days>7</Days></Expiration></Rule><Rule><Prefix>other</Prefix><Status>Disabled</Status>"
        b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
    )
    (bucket.folder / "lifecycle.xml").write_bytes(body)
    now = datetime.now(UTC)
    lifecycles.expire(bucket, now + timedelta(days=6))
    assert len(bucket) == 4
    lifecycles.expire(bucket, now + timedelta(days=8))
    assert list(bucket.keys_from("")) == ["logsbook", "other"]


def test_a_lifecycle_configuration_without_a_rule_is_refused(world: Ec2World, bucket: str) -> None:
    answer = httpx.put(f"{world.url}/{bucket}?lifecycle", content=b"<LifecycleConfiguration/>", trust_env=False)
    assert (answer.status_code, "MalformedXML" in answer.text) == (400, True)
