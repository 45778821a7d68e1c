"""The menu Labels: which are shown, how they are drawn, and going to them."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenuBar

from liverview.core.labels import FOREGROUND, DrawStyle, Label, label_entry
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.flows.slice_filling import SliceFilling
from liverview.ui.live.candidate_review import CandidateReview
from liverview.ui.live.navigation import Navigation
from liverview.ui.state.session import Session

_OPACITY_STEP = 0.1


class LabelActions:
    """Commands of how labels are drawn and found.

    Attributes
    ----------
    layers : show and hide a label each.
    fill : fills between the slices in which a label was drawn.
    judging : commands on candidates for lesions, `accept` and `reject` among them.
    """

    def __init__(
        self,
        factory: ActionFactory,
        session: Session,
        navigation: Navigation,
        filling: SliceFilling,
        candidates: CandidateReview,
    ) -> None:
        self._session = session
        make = factory.make_action
        self.layers = {label: self._layer_action(factory, label) for label in FOREGROUND}
        self.all_layers = make("&All layers", "S", "Show or hide all labels", self._toggle_all)
        self.fainter = make(
            "&Fainter labels",
            "[",
            "Lower the opacity of all labels",
            partial(self._change_opacity, -_OPACITY_STEP),
        )
        self.stronger = make(
            "&Stronger labels",
            "]",
            "Raise the opacity of all labels",
            partial(self._change_opacity, _OPACITY_STEP),
        )
        self.draw_style = make(
            "Filled, &outlined or both", "O", "Draw all labels another way", self._next_draw_style
        )
        self.ruled_out = factory.make_toggle(
            "&Ruled-out lesions", "", "Outline what was ruled out", session.review.set_shown
        )
        self.by_hand = factory.make_toggle(
            "&Differences by hand",
            "Shift+D",
            "Mark what was edited since the segmentation, or since the file was opened",
            session.hand_edits.set_shown,
        )
        self.by_hand.setChecked(session.hand_edits.shown)
        self.fill = make(
            "Fill &between slices",
            "Shift+F",
            "Complete the label that was drawn in some slices of the view",
            filling.fill,
            "fill",
        )
        self.go_to_liver = make(
            "&Go to the liver", "G", "The slice with most of the liver", navigation.go_to_liver
        )
        self.next_lesion = make(
            "&Next lesion", ".", "Go to the next lesion", partial(navigation.go_to_lesion, 1)
        )
        self.previous_lesion = make(
            "&Previous lesion", ",", "Go to the lesion before", partial(navigation.go_to_lesion, -1)
        )
        self.judging = self._judging_actions(factory, candidates)
        session.styles_changed.connect(self._on_styles_changed)
        session.hand_edits.shown_changed.connect(self.by_hand.setChecked)

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        menu = self.menu = bar.addMenu("&Labels")
        menu.addActions([*self.layers.values(), self.all_layers])
        menu.addActions([self.fainter, self.stronger, self.draw_style])
        menu.addSeparator()
        menu.addActions([self.by_hand, self.ruled_out])
        menu.addSeparator()
        menu.addActions([self.go_to_liver, self.next_lesion, self.previous_lesion])
        menu.addSeparator()
        menu.addActions(self.judging)

    def _judging_actions(
        self, factory: ActionFactory, candidates: CandidateReview
    ) -> list[QAction]:
        make, step = factory.make_action, candidates.step
        self.accept = make(
            "A&ccept lesion",
            "Y",
            "What is looked at is a lesion; go to the next candidate",
            candidates.accept,
        )
        self.reject = make(
            "Re&ject lesion",
            "U",
            "What is looked at is no lesion; go to the next candidate",
            candidates.reject,
        )
        surest = "Go to the next candidate by how sure the network is, also one that is not shown"
        before = "Go to the candidate before, by how sure the network is"
        return [
            self.accept,
            self.reject,
            make("Ne&xt candidate", "Ctrl+.", surest, partial(step, 1)),
            make("Previo&us candidate", "Ctrl+,", before, partial(step, -1)),
        ]

    def _layer_action(self, factory: ActionFactory, label: Label) -> QAction:
        def show(visible: bool) -> None:
            self._session.set_style(label, visible=visible)

        name = self._session.styles[label].name
        return factory.make_toggle(name, label_entry(label).key, f"Show {name.lower()}", show)

    def _toggle_all(self) -> None:
        shown = not any(self._session.styles[label].visible for label in FOREGROUND)
        for label in FOREGROUND:
            self._session.set_style(label, visible=shown)

    def _change_opacity(self, by: float) -> None:
        for label in FOREGROUND:
            self._session.set_style(label, opacity=self._session.styles[label].opacity + by)

    def _next_draw_style(self) -> None:
        """The next draw style for all labels, beginning from the liver's."""
        styles = list(DrawStyle)
        current = styles.index(self._session.styles[Label.LIVER].draw_style)
        for label in FOREGROUND:
            self._session.set_style(label, draw_style=styles[(current + 1) % len(styles)])

    def _on_styles_changed(self) -> None:
        for label, action in self.layers.items():
            action.setChecked(self._session.styles[label].visible)
