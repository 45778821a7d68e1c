"""Encrypted lines, with certificates of the tests' own."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom import dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from liverview.core.stream import Message
from liverview.files.dicom.places.sources import DicomSource
from liverview.pacs.echo import iter_echo
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import Node, NodeKind, Retrieval
from liverview.pacs.query import FoundSeries, Query, iter_find
from liverview.pacs.retrieve import iter_retrieve
from liverview.pacs.send import Sent, iter_send
from liverview.pacs.timeouts import Timeouts

from support.dicom_series import pattern, uid, write_series
from support.misbehaving import encrypted_front
from support.orthanc import Orthanc, run_orthanc

TIMEOUTS = Timeouts(5, 20)


@dataclass(frozen=True)
class Certificates:
    """Files of two authorities, and of certificates that the first has signed."""

    folder: Path

    def file(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = authorities(folder, "authority")
    authorities(folder, "stranger")
    signed(folder, "server", authority, "127.0.0.1")
    signed(folder, "elsewhere", authority, "10.0.0.1")
    signed(folder, "client", authority, "127.0.0.1")
    return Certificates(folder)


def authorities(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = building(title, title, key).add_extension(x509.BasicConstraints(True, None), True)
    certificate = built.sign(key, hashes.SHA256())
    write(folder / f"{name}.pem", certificate, None)
    return certificate, key


def signed(
    folder: Path, name: str, by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], address: str
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    built = building(title, by[0].subject, key).add_extension(names, False)
    write(folder / f"{name}.pem", built.sign(by[1], hashes.SHA256()), None)
    write(folder / f"{name}.key", None, key)


def building(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def write(
    path: Path, certificate: x509.Certificate | None, key: ec.EllipticCurvePrivateKey | None
) -> None:
    pem = serialization.Encoding.PEM
    if certificate is not None:
        path.write_bytes(certificate.public_bytes(pem))
    if key is not None:
        style = serialization.PrivateFormat.PKCS8
        path.write_bytes(key.private_bytes(pem, style, serialization.NoEncryption()))


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory, made: Certificates) -> Iterator[Orthanc]:
    """A server that speaks DICOM encrypted alone, and wants a certificate of ours."""
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": made.file("server.pem"),
        "DicomTlsPrivateKey": made.file("server.key"),
        "DicomTlsTrustedCertificates": made.file("authority.pem"),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with run_orthanc(tmp_path_factory.mktemp("orthanc") / "server", tls=True, **settings) as server:
        yield server


@pytest.fixture(scope="module")
def front(orthanc: Orthanc, made: Certificates) -> Iterator[str]:
    """The address of its DICOMweb behind a front that encrypts: Debian's own cannot do it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.file("server.pem"), made.file("server.key"))
    context.load_verify_locations(made.file("authority.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    with encrypted_front(orthanc.http_port, context) as port:
        yield f"https://127.0.0.1:{port}/dicom-web"


@pytest.mark.parametrize("way", ["C-GET", "C-MOVE", "DICOMweb"])
def test_the_whole_way_is_encrypted(
    orthanc: Orthanc, front: str, made: Certificates, tmp_path: Path, way: str
) -> None:
    files = {
        "ca_file": made.file("authority.pem"),
        "certificate": made.file("client.pem"),
        "key": made.file("client.key"),
    }
    if way == "DICOMweb":
        node = Node("Orthanc web", NodeKind.WEB, url=front, **files)
    else:
        node = orthanc.node(Retrieval(way), tls=True, **files)
    paths = write_series(
        tmp_path,
        pattern(6, 5, 3),
        name=f"by {way}",
        PatientID=way,
        StudyInstanceUID=uid("study", way),
    )
    assert any(isinstance(item, Message) for item in iter_echo(node, TIMEOUTS))
    sent = [item for item in iter_send(node, paths, TIMEOUTS) if isinstance(item, Sent)]
    assert [item.accepted for item in sent] == [True] * 3
    found = list(iter_find(node, Query(patient_id=way), TIMEOUTS))
    (series,) = (item for item in found if isinstance(item, FoundSeries))
    came = [
        dcmread(BytesIO(item.read()))
        for item in iter_retrieve(node, series, TIMEOUTS)
        if isinstance(item, DicomSource)
    ]
    written = {data.SOPInstanceUID: data for data in map(dcmread, paths)}
    assert {data.SOPInstanceUID: data for data in came} == written


def refusal(node: Node) -> str:
    with pytest.raises(PacsError) as caught:
        list(iter_echo(node, TIMEOUTS))
    return str(caught.value)


@pytest.fixture
def encrypted(made: Certificates) -> Iterator[Node]:
    """An encrypted server of pynetdicom whose certificate is for another address."""
    entity = AE("PACS")
    entity.add_supported_context(Verification)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.file("elsewhere.pem"), made.file("elsewhere.key"))
    server = entity.start_server(
        ("127.0.0.1", 0),
        block=False,
        ssl_context=context,
        evt_handlers=[(evt.EVT_C_ECHO, lambda _: 0)],
    )
    port = server.socket.getsockname()[1]
    yield Node("Ward", ae_title="PACS", host="127.0.0.1", port=port, tls=True)
    server.shutdown()
    entity.shutdown()


def with_files(node: Node, **files: str) -> Node:
    return Node(
        node.name, ae_title=node.ae_title, host=node.host, port=node.port, tls=True, **files
    )


def test_certificates_that_do_not_fit(encrypted: Node, made: Certificates) -> None:
    for ca in ("", made.file("stranger.pem")):
        text = refusal(with_files(encrypted, ca_file=ca))
        assert "has a certificate that does not fit" in text
    text = refusal(with_files(encrypted, ca_file=made.file("authority.pem")))
    assert "has a certificate that does not fit (IP address mismatch" in text


def test_a_certificate_of_dicomweb_that_does_not_fit(front: str, made: Certificates) -> None:
    text = refusal(Node("Web", NodeKind.WEB, url=front, ca_file=made.file("stranger.pem")))
    assert "has a certificate that does not fit" in text


def test_files_that_are_no_certificates(tmp_path: Path) -> None:
    node = Node("Ward", ae_title="PACS", host="127.0.0.1", port=1, tls=True)
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for path in (text, tmp_path / "missing.pem"):
        assert "cannot be used as the file of trusted" in refusal(
            with_files(node, ca_file=str(path))
        )
        own = {"certificate": str(path), "key": str(path)}
        assert "cannot be used as the file of our own" in refusal(with_files(node, **own))


def test_moving_over_tls_needs_a_certificate_of_ours(orthanc: Orthanc, made: Certificates) -> None:
    node = orthanc.node(Retrieval.MOVE, tls=True, ca_file=made.file("authority.pem"))
    with pytest.raises(PacsError, match="only to who has a certificate"):
        list(iter_retrieve(node, FoundSeries("1.2", "1.3", "", "CT", "", "", None), TIMEOUTS))


def test_orthanc_wants_a_certificate_of_ours(orthanc: Orthanc, made: Certificates) -> None:
    node = orthanc.node(tls=True, ca_file=made.file("authority.pem"))
    assert "Orthanc (127.0.0.1" in refusal(node)
