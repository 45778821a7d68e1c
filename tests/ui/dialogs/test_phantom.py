"""The dialog of a new phantom."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from liverview.phantoms.config import PhantomConfig, PhantomLesions, Phase
from liverview.ui.dialogs.phantom import PhantomDialog


def test_the_phantom_dialog_starts_with_what_is_usual(qtbot: QtBot) -> None:
    dialog = PhantomDialog()
    qtbot.addWidget(dialog)
    assert dialog.config() == PhantomConfig()
    for box, n in zip(dialog.size_boxes, (64, 48, 32), strict=True):
        box.setValue(n)
    for box, s in zip(dialog.spacing_boxes, (1.5, 2, 2.5), strict=True):
        box.setValue(s)
    dialog.seed.setValue(9)
    dialog.lesions.setValue(2)
    dialog.noise.setValue(20)
    dialog.phase.setCurrentIndex(1)
    dialog.lesion_kind.setCurrentIndex(list(PhantomLesions).index(PhantomLesions.HCC))
    expected = PhantomConfig(
        (64, 48, 32), (1.5, 2, 2.5), 9, 2, 20, Phase.ARTERIAL, lesion_kind=PhantomLesions.HCC
    )
    assert dialog.config() == expected
