"""The fields of one node of a PACS."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from liverview.pacs.nodes import Node, NodeKind, Retrieval
from liverview.ui.widgets.controls import WrappedLabel

_AE_LETTERS = 16


class NodeForm(QWidget):
    """Shows a node, and gives it back as the person has changed it.

    Attributes
    ----------
    token : of DICOMweb; empty to leave it as it is.

    Signals
    -------
    edited : a field was changed by the person.
    """

    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._showing = False
        self.name = _line("Name", "As it is listed")
        self.kind = QComboBox()
        self.kind.addItem("DICOM (C-FIND, C-GET, C-MOVE, C-STORE)", NodeKind.DIMSE)
        self.kind.addItem("DICOMweb (QIDO, WADO, STOW)", NodeKind.WEB)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._make_dimse())
        self._pages.addWidget(self._make_web())
        self.ca_file = _FileField("Trusted certificates", "The system's")
        self.certificate = _FileField("Own certificate", "None")
        self.key = _FileField("Its key", "None")
        top = QFormLayout()
        top.addRow("&Name", self.name)
        top.addRow("&Kind", self.kind)
        files = QFormLayout()
        files.addRow("Trusted &certificates", self.ca_file)
        files.addRow("O&wn certificate", self.certificate)
        files.addRow("Its k&ey", self.key)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self._pages)
        layout.addLayout(files)
        layout.addStretch(1)
        _align(self)
        self._connect()

    def _make_dimse(self) -> QWidget:
        self.ae_title = _line("AE title", "", _AE_LETTERS)
        self.host = _line("Host", "Name or address")
        self.port = _port("Port")
        self.our_ae_title = _line("Our AE title", "", _AE_LETTERS)
        self.retrieval = QComboBox()
        self.retrieval.addItem("C-GET: over the same line", Retrieval.GET)
        self.retrieval.addItem("C-MOVE: to a port of this computer", Retrieval.MOVE)
        self.our_port = _port("Our port")
        self.tls = QCheckBox("Encr&ypted (TLS)")
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("&AE title", self.ae_title)
        form.addRow("&Host", self.host)
        form.addRow("&Port", self.port)
        form.addRow("O&ur AE title", self.our_ae_title)
        form.addRow("Retrieve &by", self.retrieval)
        form.addRow("Our p&ort", self.our_port)
        form.addRow("", self.tls)
        return page

    def _make_web(self) -> QWidget:
        self.url = _line("Address", "https://pacs.example.org/dicom-web", 1024)
        self.token = _line("Token", "As it is kept", 8192)
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        note = WrappedLabel()
        note.setText(
            "A token goes to the system's keyring, or nowhere where there is none: it is then "
            "asked for once per start. USER:PASSWORD is sent as such."
        )
        note.setEnabled(False)
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Add&ress", self.url)
        form.addRow("&Token", self.token)
        form.addRow("", note)
        return page

    def _connect(self) -> None:
        for line in self.findChildren(QLineEdit):
            line.textEdited.connect(self._on_edited)
        for box in (self.kind, self.retrieval):
            box.currentIndexChanged.connect(self._on_edited)
        for number in (self.port, self.our_port):
            number.valueChanged.connect(self._on_edited)
        self.tls.toggled.connect(self._on_edited)
        for field in (self.ca_file, self.certificate, self.key):
            field.chosen.connect(self._on_edited)

    def show_node(self, node: Node) -> None:
        """Show a node's fields."""
        self._showing = True
        self.kind.setCurrentIndex(self.kind.findData(node.kind))
        self.retrieval.setCurrentIndex(self.retrieval.findData(node.retrieval))
        for line, text in self._texts(node):
            line.setText(text)
        self.port.setValue(node.port)
        self.our_port.setValue(node.our_port)
        self.tls.setChecked(node.tls)
        self.token.clear()
        self._showing = False
        self._update()

    def node(self) -> Node:
        """The node as the fields say it; its token is that of `token`."""
        return Node(
            self.name.text().strip(),
            self.kind.currentData(),
            ae_title=self.ae_title.text().strip(),
            host=self.host.text().strip(),
            port=self.port.value(),
            our_ae_title=self.our_ae_title.text().strip(),
            retrieval=self.retrieval.currentData(),
            our_port=self.our_port.value(),
            tls=self.tls.isChecked(),
            ca_file=self.ca_file.line.text().strip(),
            certificate=self.certificate.line.text().strip(),
            key=self.key.line.text().strip(),
            url=self.url.text().strip(),
            token=self.token.text().strip(),
        )

    def _texts(self, node: Node) -> list[tuple[QLineEdit, str]]:
        return [
            (self.name, node.name),
            (self.ae_title, node.ae_title),
            (self.host, node.host),
            (self.our_ae_title, node.our_ae_title),
            (self.url, node.url),
            (self.ca_file.line, node.ca_file),
            (self.certificate.line, node.certificate),
            (self.key.line, node.key),
        ]

    def _on_edited(self) -> None:
        if not self._showing:
            self._update()
            self.edited.emit()

    def _update(self) -> None:
        web = self.kind.currentData() is NodeKind.WEB
        self._pages.setCurrentIndex(int(web))
        self.our_port.setEnabled(self.retrieval.currentData() is Retrieval.MOVE)
        encrypted = self.url.text().startswith("https:") if web else self.tls.isChecked()
        for field in (self.ca_file, self.certificate, self.key):
            field.setEnabled(encrypted)


def _align(form: QWidget) -> None:
    """Let the fields of all parts of a form begin below each other."""
    titles = [label for label in form.findChildren(QLabel) if label.buddy() is not None]
    width = max(title.sizeHint().width() for title in titles)
    for title in titles:
        title.setMinimumWidth(width)


class _FileField(QWidget):
    """The name of a file, and a button to choose it.

    Signals
    -------
    chosen : a file was chosen by the button.
    """

    chosen = Signal()

    def __init__(self, title: str, empty: str) -> None:
        super().__init__()
        self._title = title
        self.line = _line(title, empty, 1024)
        button = QPushButton("…")
        button.setAccessibleName(f"Choose: {title}")
        button.setAutoDefault(False)
        button.setFixedWidth(36)
        button.clicked.connect(self._on_choose)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(button)
        self.setFocusProxy(self.line)

    def _on_choose(self) -> None:
        ask: Callable[..., tuple[str, str]] = QFileDialog.getOpenFileName
        name, _ = ask(self, self._title, self.line.text(), "PEM (*.pem *.crt *.cer *.key);;All (*)")
        if name:
            self.line.setText(name)
            self.chosen.emit()


def _line(name: str, placeholder: str, longest: int = 200) -> QLineEdit:
    line = QLineEdit()
    line.setMaxLength(longest)
    line.setPlaceholderText(placeholder)
    line.setAccessibleName(name)
    return line


def _port(name: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(1, 65535)
    box.setAccessibleName(name)
    box.setMaximumWidth(120)
    return box
