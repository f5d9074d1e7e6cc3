"""The grading engine as the platform uses it: evidence and rubric in S3, a job, its end."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from event_world import Simulator, s3_of, simulator, unique_id, wait_for

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

JOBS = "/api/v1/grading-sessions"
BUCKET = "exam-ccnp-encor-lab-1-0-a"
COLLECTED, NOT_COLLECTED = "grading.collection.completed.v1", "grading.collection.failed.v1"
GRADED, NOT_GRADED = "grading.session.completed.v1", "grading.session.failed.v1"
FINAL = {"completed", "failed", "canceled"}
RUBRIC = """
version: 1
title: VLANs and a default route
cut_score: 60
sections:
  - name: SW1
    checks:
      - {id: vlan-10, device: SW1, must_match: '^vlan 10$', weight: 2, description: SW1 has VLAN 10.}
      - {id: no-telnet, device: SW1, must_not_match: '^ *transport input .*telnet', weight: 1}
  - name: R1
    checks:
      - {id: default-route, device: R1, must_match: '^ip route 0\\.0\\.0\\.0 0\\.0\\.0\\.0 192\\.0\\.2\\.1$', weight: 2}
      - {id: came-up, device: R1, source: console, must_match: 'changed state to up$', must_not_match: 'Traceback'}
"""
UNTOUCHED: dict[tuple[str, str], str] = {
    ("SW1", "configuration"): "hostname SW1\nvlan 1\nline vty 0 4\n transport input ssh telnet\n",
    ("SW1", "console_log"): "SW1#\n",
    ("R1", "configuration"): "hostname R1\ninterface Gi0/0\n shutdown\n",
    ("R1", "console_log"): "R1>\r\n",
}
SOLVED: dict[tuple[str, str], str] = {
    ("SW1", "configuration"): "hostname SW1\nvlan 10\n name USERS\nline vty 0 4\n transport input ssh\n",
    ("SW1", "console_log"): "SW1#\n",
    ("R1", "configuration"): "hostname R1\nip route 0.0.0.0 0.0.0.0 192.0.2.1\n",
    ("R1", "console_log"): "%LINK-3-UPDOWN: Interface Gi0/0, changed state to up\r\nR1#\r\n",
}


class Grading:
    """A running grading engine and the S3 it reads from."""

    def __init__(self, server: Simulator, s3: "S3Client") -> None:
        self.server = server
        self.receiver = server.receiver
        self.s3 = s3

    def put(self, key: str, content: str | bytes) -> str:
        """Store an object; its key."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return key

    def evidence(self, session_id: str, texts: Mapping[tuple[str, str], str], **manifest: Any) -> dict[str, Any]:
        """Store evidence as the platform does; where it is."""
        entries = []
        for (device, kind), text in texts.items():
            key = self.put(f"evidence/{session_id}/{device}/{kind}/main", text)
            digest = hashlib.sha256(text.encode()).hexdigest()
            entries.append(
                {"device": device, "kind": kind, "name": "main", "key": key, "sha256": digest, "size": len(text)}
            )
        body = {"session_id": session_id, "collected_at": "2026-03-01T10:00:00Z", "files": entries, **manifest}
        key = self.put(f"evidence/{session_id}/manifest.json", json.dumps(body))
        return {"bucket": BUCKET, "manifest_key": key, "keys": [entry["key"] for entry in entries]}

    def request(
        self, files: Mapping[tuple[str, str], str] = SOLVED, rubric: str = RUBRIC, session_id: str = ""
    ) -> dict[str, Any]:
        """The body of a job whose evidence and rubric are in S3."""
        session_id = session_id or unique_id()
        return {
            "idempotency_key": f"{session_id}-1",
            "lablet_session_id": session_id,
            "pod": {
                "devices": [
                    {
                        "label": device,
                        "node_definition": "iosv",
                        "host": "127.20.0.3",
                        "port": 2001,
                        "protocol": "serial",
                    }
                    for device in sorted({device for device, _ in files})
                ]
            },
            "evidence": self.evidence(session_id, files),
            "rubric": {"bucket": BUCKET, "key": self.put(f"packages/{session_id}/rubric.yaml", rubric)},
        }

    def submit(self, request: Mapping[str, Any]) -> str:
        """The id of the job."""
        answer = self.server.call("POST", JOBS, json=request)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        seen: dict[str, Any] = self.server.json("GET", f"{JOBS}/{job_id}")
        return seen

    def ended(self, job_id: str) -> dict[str, Any]:
        """The job when it is over."""
        wait_for(lambda: self.job(job_id)["state"] in FINAL, f"the end of job {job_id}")
        return self.job(job_id)

    def reach(self, job_id: str, state: str) -> None:
        wait_for(lambda: self.job(job_id)["state"] == state, f"job {job_id} to be {state}")

    def graded(self, files: Mapping[tuple[str, str], str], rubric: str = RUBRIC) -> dict[str, Any]:
        """The report on some evidence."""
        job = self.ended(self.submit(self.request(files, rubric)))
        assert job["state"] == "completed", job["error"]
        report: dict[str, Any] = job["report"]
        return report


@contextmanager
def grading_engine(folder: Path, s3: str, engine_sees: str = "", **environment: str) -> Iterator[Grading]:
    """A grading engine of its own for a module or a test; ``engine_sees`` is where it looks for ``s3``."""
    with simulator(
        "grading", folder, engine_sees or s3, LCM_GRADING_TOKEN="token of the engine", **environment
    ) as server:
        server.headers = {"Authorization": "Bearer token of the engine"}
        yield Grading(server, _bucket(s3))


def _bucket(aws: str) -> "S3Client":
    """The test's S3 with the bucket of evidence in it."""
    s3 = s3_of(aws)
    s3.create_bucket(Bucket=BUCKET)
    return s3
