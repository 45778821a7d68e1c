"""The dialog of the nodes of a PACS: listed, added, changed, tested and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from liverview.core.text import shown
from liverview.pacs.errors import PacsError
from liverview.pacs.nodes import MOST_NODES, Node, check_node, without_token
from liverview.ui.dialogs.pacs_node_form import NodeForm
from liverview.ui.widgets.controls import WrappedLabel


class PacsNodesDialog(QDialog):
    """Edits a list of nodes; nothing is kept before it is accepted.

    Attributes
    ----------
    form : the fields of the node that is chosen.
    result_label : what a test said.

    Signals
    -------
    test_wanted : the node that is shown is to be tested.
    """

    test_wanted = Signal(object)

    def __init__(self, nodes: Sequence[Node], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("PACS nodes")
        self._nodes = list(nodes)
        self.list = QListWidget()
        self.list.setAccessibleName("Nodes")
        self.list.setMaximumWidth(190)
        self.add_button = QPushButton("A&dd")
        self.remove_button = QPushButton("Re&move")
        self.test_button = QPushButton("Te&st")
        self.form = NodeForm()
        self.result_label = WrappedLabel()
        self.result_label.setMinimumHeight(self.fontMetrics().height() * 3)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel
        )
        self._build()
        self.list.currentRowChanged.connect(self._on_chosen)
        self.form.edited.connect(self._on_edited)
        self.add_button.clicked.connect(self._on_add)
        self.remove_button.clicked.connect(self._on_remove)
        self.test_button.clicked.connect(self._on_test)
        self.buttons.accepted.connect(self._on_save)
        self.buttons.rejected.connect(self.reject)
        for node in self._nodes:
            self.list.addItem(shown(node.name))
        if not self._nodes:
            self._on_add()
        self.list.setCurrentRow(0)
        self._update()

    def _build(self) -> None:
        left = QVBoxLayout()
        left.addWidget(self.list, 1)
        row = QHBoxLayout()
        row.addWidget(self.add_button)
        row.addWidget(self.remove_button)
        left.addLayout(row)
        right = QVBoxLayout()
        right.addWidget(self.form, 1)
        test = QHBoxLayout()
        test.addWidget(self.test_button)
        test.addWidget(self.result_label, 1)
        right.addLayout(test)
        both = QHBoxLayout()
        both.addLayout(left)
        both.addSpacing(8)
        both.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(both, 1)
        layout.addWidget(self.buttons)
        for button in (self.add_button, self.remove_button, self.test_button):
            button.setAutoDefault(False)
        standard = QDialogButtonBox.StandardButton
        self.buttons.button(standard.Save).setText("Sa&ve")
        self.buttons.button(standard.Cancel).setText("Cance&l")
        self.resize(720, 460)

    def nodes(self) -> tuple[Node, ...]:
        """The nodes, without tokens."""
        return tuple(without_token(node) for node in self._nodes)

    def tokens(self) -> list[tuple[Node, str]]:
        """Nodes of DICOMweb whose token was entered, with it."""
        return [(without_token(node), node.token) for node in self._nodes if node.token]

    def show_result(self, text: str) -> None:
        """Show what a test said."""
        self.result_label.setText(shown(text))
        self.test_button.setEnabled(True)

    # ---- what the person does ------------------------------------------------------------------

    def _on_chosen(self, row: int) -> None:
        self.result_label.clear()
        if 0 <= row < len(self._nodes):
            node = self._nodes[row]
            self.form.show_node(node)
            self.form.token.setText(node.token)
        self._update()

    def _on_edited(self) -> None:
        row = self.list.currentRow()
        if row < 0:
            return
        node = self.form.node()
        self._nodes[row] = node
        self.list.item(row).setText(shown(node.name) or "(no name)")
        self.result_label.clear()

    def _on_add(self) -> None:
        names = {node.name for node in self._nodes}
        number = next(n for n in range(1, MOST_NODES + 2) if f"PACS {n}" not in names)
        self._nodes.append(Node(f"PACS {number}"))
        self.list.addItem(f"PACS {number}")
        self.list.setCurrentRow(len(self._nodes) - 1)
        self.form.name.setFocus()
        self.form.name.selectAll()
        self._update()

    def _on_remove(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            del self._nodes[row]
            self.list.takeItem(row)
        self._update()

    def _on_test(self) -> None:
        if self._is_good(self.form.node()):
            self.test_button.setEnabled(False)
            self.result_label.setText("Asking …")
            self.test_wanted.emit(self.form.node())

    def _on_save(self) -> None:
        names = [node.name for node in self._nodes]
        for row, node in enumerate(self._nodes):
            self.list.setCurrentRow(row)
            if not self._is_good(node):
                return
            if node.name in names[:row]:
                self.result_label.setText(
                    shown(f'Two nodes are called "{node.name}": give one another name.')
                )
                return
        self._nodes = [node if node.url else replace(node, token="") for node in self._nodes]
        self.accept()

    def _is_good(self, node: Node) -> bool:
        try:
            check_node(node)
        except PacsError as error:
            self.result_label.setText(shown(str(error)))
            return False
        return True

    def _update(self) -> None:
        chosen = self.list.currentRow() >= 0
        self.form.setEnabled(chosen)
        self.remove_button.setEnabled(chosen)
        self.test_button.setEnabled(chosen)
        self.add_button.setEnabled(len(self._nodes) < MOST_NODES)
