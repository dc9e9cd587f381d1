"""The embedded API server on a socket: TLS with a CA of its own, loopback only, a bearer token or a client certificate.

Everything it answers comes from `Api.send`; this module adds the socket, the certificates and who may come in.
"""

import hmac
import ipaddress
import os
import ssl
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from canary_controller.sandbox import status_errors as errors
from canary_controller.sandbox.api import USER_HEADER, Api, Reply

HOST = "127.0.0.1"
_ADMIN = "sandbox-admin"
_BODY_LIMIT_BYTES = 3 * 1024 * 1024
_OPEN_PATHS = ("/healthz", "/livez", "/readyz", "/version")
_VALID = timedelta(days=365)


@frozen
class Identity:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


@frozen
class Access:
    """What a client needs: the URL, the CA to trust, and either credential."""

    url: str
    ca: bytes
    token: str
    client: Identity


@frozen
class Certificates:
    """The CA and what it signed."""

    ca: bytes
    server: Identity
    client: Identity


def make_certificates(now: float) -> Certificates:
    """Return a fresh CA, a server certificate for loopback and an administrator's client certificate; EC keys, valid a year.

    ``now`` must be the clock of the machine, since TLS libraries compare with that one.
    """
    start = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "canarykit-sandbox-ca")])
    ca = (
        _builder(ca_name, ca_name, ca_key, start)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )

    def signed(name: x509.Name, usage: x509.ObjectIdentifier, hosts: list[x509.GeneralName]) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(name, ca_name, key, start)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return Identity(_pem(builder.sign(ca_key, hashes.SHA256())), _key_pem(key))

    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "canarykit-sandbox")])
    client_name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
            x509.NameAttribute(NameOID.COMMON_NAME, _ADMIN),
        ]
    )
    hosts: list[x509.GeneralName] = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
    return Certificates(
        ca=_pem(ca),
        server=signed(server_name, ExtendedKeyUsageOID.SERVER_AUTH, hosts),
        client=signed(client_name, ExtendedKeyUsageOID.CLIENT_AUTH, []),
    )


class Server:
    """Serves an `Api` over TLS on loopback.

    Args:
        machine_now: the machine's clock, for the certificates (the Api may run on another one).
        token: the bearer token that is let in.
        port: 0 takes a free one.
    """

    def __init__(self, api: Api, machine_now: Callable[[], float], token: str, port: int = 0) -> None:
        self._api = api
        self._token = token
        self._port = port
        self._certificates = make_certificates(machine_now())
        self._runner: web.ServerRunner | None = None

    async def start(self) -> Access:
        """Listen, and return how to get in."""
        # Cancellation ends a watch as soon as its client is gone; without it the watch would stay until its next event.
        server = web.Server(self._handle, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port, ssl_context=_tls(self._certificates))
        await site.start()
        port = self._runner.addresses[0][1]
        return Access(f"https://{HOST}:{port}", self._certificates.ca, self._token, self._certificates.client)

    async def stop(self) -> None:
        """End all watches and connections."""
        self._api.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        user = self._user(request)
        if not user and request.path not in _OPEN_PATHS:
            return _refused(errors.unauthorized())
        # Ours comes last, so it replaces one that the client made up.
        headers = {**{name.lower(): value for name, value in request.headers.items()}, USER_HEADER: user or "system:anonymous"}
        body = await _body(request)
        if body is None:
            return _refused(errors.StatusError(413, "RequestEntityTooLarge", f"limit is {_BODY_LIMIT_BYTES}"))
        reply = await self._api.send(request.method, request.raw_path, headers, body)
        return await _streamed(request, reply)

    def _user(self, request: web.BaseRequest) -> str:
        """Return the name of who asks, or nothing. The TLS layer has verified the certificate, if there is one."""
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        if certificate:
            return str(dict(pair[0] for pair in certificate["subject"])["commonName"])
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token.encode()):
            return _ADMIN
        return ""


async def _body(request: web.BaseRequest) -> bytes | None:
    """Return the body, or None when it is larger than the API server takes."""
    chunks, size = [], 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
        if size > _BODY_LIMIT_BYTES:
            return None
        chunks.append(chunk)
    return b"".join(chunks)


async def _streamed(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=dict(reply.headers))
    try:
        await response.prepare(request)
        async for chunk in reply.chunks:
            await response.write(chunk)
        await response.write_eof()
    except ConnectionResetError:
        pass  # The client has gone: nobody is left to be told.
    finally:
        close = getattr(reply.chunks, "aclose", None)
        if close is not None:
            await close()
    return response


def _refused(error: errors.StatusError) -> web.Response:
    return web.Response(status=error.code, body=orjson.dumps(error.body), content_type="application/json")


def _tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=certificates.ca.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    # The ssl module reads keys from files only; the file lives no longer than this call.
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(certificates.server.certificate + certificates.server.key)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()
    return context


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, start: datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _key_usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: Any) -> bytes:
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem
