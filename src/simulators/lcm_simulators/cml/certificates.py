"""The private certificate authority of the simulated controllers.

The CA lives in `<data>/ca/` and survives restarts, so clients keep trusting `<data>/ca/ca.pem`. Each controller gets
its own certificate for its own address, as a private CA of a real deployment would issue.
"""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=3650)


class CertificateAuthority:
    """Issues server certificates; `bundle` is the file that clients verify with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.bundle = folder / "ca.pem"
        key_file = folder / "ca.key"
        folder.mkdir(parents=True, exist_ok=True)
        if self.bundle.exists() and key_file.exists():
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{key_file} is not an elliptic-curve key; delete {folder} to make a new authority")
            self._key = key
            self._certificate = x509.load_pem_x509_certificate(self.bundle.read_bytes())
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._self_signed()
        write_private(key_file, _key_pem(self._key))
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, name: str, addresses: list[str]) -> ssl.SSLContext:
        """A server-side TLS context whose certificate names `addresses` (IP addresses or host names)."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._issue(key, name, addresses)
        file = self._folder / "issued" / f"{name}.pem"
        file.parent.mkdir(exist_ok=True)
        chain = certificate.public_bytes(serialization.Encoding.PEM) + self.bundle.read_bytes()
        write_private(file, _key_pem(key) + chain)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(file)
        return context

    def _self_signed(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "LCM simulated CML CA")])
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        key_id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        builder = self._builder(name, name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True).add_extension(key_id, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _issue(self, key: ec.EllipticCurvePrivateKey, name: str, addresses: list[str]) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        names = x509.SubjectAlternativeName([_general_name(address) for address in addresses])
        builder = self._builder(subject, self._certificate.subject, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(names, critical=False).add_extension(usage, critical=False)
        return builder.add_extension(authority, critical=False).sign(self._key, hashes.SHA256())

    @staticmethod
    def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        start = datetime.now(UTC) - timedelta(days=1)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        return builder.not_valid_before(start).not_valid_after(start + _LIFETIME)


def write_private(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_bytes(content)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    pkcs8 = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)
