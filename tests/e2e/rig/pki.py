"""Certificates of the real control plane: EC keys (made in milliseconds), one client certificate per component.

One authority signs servers and clients, a second the aggregator's proxy client, as kube-apiserver wants them apart.
"""

import base64
import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = "127.0.0.1"
NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
VALID_FOR = timedelta(days=7)


@frozen
class Signed:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def write(self, stem: Path) -> tuple[Path, Path]:
        """Write both beside each other and return (certificate path, key path)."""
        paths = stem.with_suffix(".crt"), stem.with_suffix(".key")
        for path, content in zip(paths, (self.certificate, self.key), strict=True):
            path.touch(mode=0o600)
            path.write_bytes(content)
        return paths


class Authority:
    """A certificate authority."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        self._certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        """Its certificate, as PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def client(self, name: str, groups: Sequence[str] = ()) -> Signed:
        """Return a client certificate; ``groups`` become its organizations, which Kubernetes reads as groups."""
        return self._sign(_subject(name, groups), ExtendedKeyUsageOID.CLIENT_AUTH)

    def server(self, name: str, addresses: Sequence[str] = (LOOPBACK,)) -> Signed:
        """Return a server certificate for loopback and the names of the API server's Service."""
        names = [x509.DNSName(each) for each in (name, *NAMES)]
        places = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        return self._sign(_subject(name), ExtendedKeyUsageOID.SERVER_AUTH, x509.SubjectAlternativeName([*names, *places]))

    def both(self, name: str) -> Signed:
        """Return a certificate that serves and that is a client, as KEDA's operator and adapter want it."""
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
        return self._sign(_subject(name), ExtendedKeyUsageOID.SERVER_AUTH, names, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _sign(
        self,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None = None,
        second_usage: x509.ObjectIdentifier | None = None,
    ) -> Signed:
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [usage] if second_usage is None else [usage, second_usage]
        builder = (
            _builder(subject, self._name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        signed = builder.sign(self._key, hashes.SHA256())
        return Signed(signed.public_bytes(serialization.Encoding.PEM), _private(key))


def signing_key() -> tuple[bytes, bytes]:
    """Return (private, public) PEM of the key that service-account tokens are signed with."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _private(key), public


def kubeconfig(server: str, authority: bytes, user: str, signed: Signed, namespace: str = "default") -> str:
    """Return the text of a kubeconfig that holds everything itself, no paths."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "rig", "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": _base64(signed.certificate), "client-key-data": _base64(signed.key)},
            }
        ],
        "contexts": [{"name": "rig", "context": {"cluster": "rig", "user": user, "namespace": namespace}}],
        "current-context": "rig",
    }
    return yaml.safe_dump(document, sort_keys=False)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) - timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + VALID_FOR)
    )


def _subject(name: str, groups: Sequence[str] = ()) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
