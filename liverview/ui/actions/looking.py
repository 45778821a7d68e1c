"""The commands of looking: windows, slabs, labels, what lies on the images, theme."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtGui import QAction

from liverview.core import paths
from liverview.core.labels import FOREGROUND, DrawStyle, Label, label_entry
from liverview.ui.actions.factory import ActionFactory
from liverview.ui.state.display import THICKEST_MM, Projection, SlabView
from liverview.ui.state.session import Convention, Session
from liverview.ui.widgets.controls import FocuslessComboBox
from liverview.ui.widgets.theme import Theme, current_theme, set_theme

_SLABS_MM = (5.0, 10.0, 15.0, 20.0)
_SLAB_STEP_MM = 2.0


@dataclass(frozen=True)
class Preset:
    """A named display range in HU."""

    name: str
    width: float
    level: float


def window_presets() -> list[Preset]:
    """The presets of resources/windows.toml."""
    text = (paths.resources() / "windows.toml").read_text(encoding="utf-8")
    return [Preset(**entry) for entry in tomllib.loads(text)["preset"]]


class Looking:
    """Commands that change how the session looks, and that show how it does."""

    def __init__(self, maker: ActionFactory, session: Session) -> None:
        self.session = session
        make, toggle = maker.make_action, maker.make_toggle
        self.crosshair = toggle("&Crosshair", "X", "Show the crosshair", session.set_show_crosshair)
        self.text = toggle(
            "&Text on the images", "H", "Show slice, window and scale", session.set_show_text
        )
        self.radiological = toggle(
            "&Radiological convention", "N", "The patient's right on the left", self._set_convention
        )
        self.interpolation = toggle(
            "&Interpolate the CT", "I", "Smooth between voxels", session.display.set_interpolated
        )
        slabs = [SlabView(), *(SlabView(way, mm) for way in Projection for mm in _SLABS_MM)]
        self.slabs = maker.make_exclusive((self._slab(maker, slab), slab) for slab in slabs)
        self.thicker = make(
            "T&hicker slab", "+; =", "Show a thicker slab", partial(self._thicken, _SLAB_STEP_MM)
        )
        self.thinner = make(
            "Th&inner slab", "-", "Show a thinner slab", partial(self._thicken, -_SLAB_STEP_MM)
        )
        self.layers = [self._layer(maker, label) for label in FOREGROUND]
        self.all_layers = make("&All layers", "S", "Show or hide all labels", self._toggle_all)
        self.fainter = make(
            "&Fainter labels", "[", "Lower the opacity of all labels", partial(self._fade, -0.1)
        )
        self.stronger = make(
            "&Stronger labels", "]", "Raise the opacity of all labels", partial(self._fade, 0.1)
        )
        self.drawn = make(
            "Filled, &outlined or both", "O", "Draw all labels another way", self._draw_otherwise
        )
        self.windows = [self._preset(maker, n, p) for n, p in enumerate(window_presets(), start=1)]
        self.auto_window = make(
            "A&uto", "0", "Window from the values of the scan", session.auto_window
        )
        self.themes = maker.make_exclusive((self._theme(maker, choice), choice) for choice in Theme)
        self.preset = self._preset_box()
        session.styles_changed.connect(self._on_styles_changed)
        session.window_changed.connect(self._on_window_changed)
        session.view_changed.connect(self._on_view_changed)
        session.display.changed.connect(self._on_display_changed)
        self._on_display_changed()

    # ---- making ----------------------------------------------------------------------------

    def _slab(self, maker: ActionFactory, slab: SlabView) -> QAction:
        if not slab.mm:
            return maker.make_action(
                "&Slice alone", "", "Show no slab", partial(self._set_slab, slab)
            )
        tip = f"Show the {slab.words} around the crosshair"
        return maker.make_action(slab.words, "", tip, partial(self._set_slab, slab))

    def _layer(self, maker: ActionFactory, label: Label) -> QAction:
        def show(visible: bool) -> None:
            self.session.set_style(label, visible=visible)

        name = self.session.styles[label].name
        return maker.make_toggle(name, label_entry(label).key, f"Show {name.lower()}", show)

    def _preset(self, maker: ActionFactory, number: int, preset: Preset) -> QAction:
        text = f"{preset.name}  {preset.width:.0f} / {preset.level:.0f}"
        do = partial(self.session.set_window, preset.level, preset.width)
        action = maker.make_action(text, str(number), f"{preset.name} window", do)
        action.setData(preset)
        return action

    def _theme(self, maker: ActionFactory, choice: Theme) -> QAction:
        tip = f"Colors of the window: {choice.value.lower()}"
        return maker.make_action(choice.value, "", tip, partial(set_theme, choice))

    def _preset_box(self) -> FocuslessComboBox:
        box = FocuslessComboBox()
        for action in self.windows:
            preset: Preset = action.data()
            box.addItem(f"{preset.name} {preset.width:.0f}/{preset.level:.0f}")
        box.setPlaceholderText("Own window")
        box.setToolTip(f"Window presets (1 to {len(self.windows)}, 0 for auto)")
        box.setAccessibleName("Window preset")
        box.activated.connect(self._on_preset_activated)
        return box

    # ---- doing -----------------------------------------------------------------------------

    def _set_convention(self, radiological: bool) -> None:
        both = Convention.RADIOLOGICAL, Convention.NEUROLOGICAL
        self.session.set_convention(both[0] if radiological else both[1])

    def _set_slab(self, slab: SlabView) -> None:
        self.session.display.set_slab(slab)

    def _thicken(self, mm: float) -> None:
        now = self.session.display.slab
        self._set_slab(replace(now, mm=min(max(now.mm + mm, 0.0), THICKEST_MM)))

    def _toggle_all(self) -> None:
        shown = not any(self.session.styles[label].visible for label in FOREGROUND)
        for label in FOREGROUND:
            self.session.set_style(label, visible=shown)

    def _fade(self, amount: float) -> None:
        for label in FOREGROUND:
            self.session.set_style(label, opacity=self.session.styles[label].opacity + amount)

    def _draw_otherwise(self) -> None:
        """The next way for all labels, beginning from the liver's."""
        ways = list(DrawStyle)
        now = ways.index(self.session.styles[Label.LIVER].draw_style)
        for label in FOREGROUND:
            self.session.set_style(label, draw_style=ways[(now + 1) % len(ways)])

    def _on_preset_activated(self, index: int) -> None:
        self.windows[index].trigger()

    # ---- showing how it is -----------------------------------------------------------------

    def _on_styles_changed(self) -> None:
        for label, action in zip(FOREGROUND, self.layers, strict=True):
            action.setChecked(self.session.styles[label].visible)

    def _on_view_changed(self) -> None:
        self.crosshair.setChecked(self.session.show_crosshair)
        self.text.setChecked(self.session.show_text)
        self.radiological.setChecked(self.session.convention is Convention.RADIOLOGICAL)

    def _on_display_changed(self) -> None:
        self.interpolation.setChecked(self.session.display.interpolated)
        self.slabs.mark_checked(self.session.display.slab)

    def _on_window_changed(self) -> None:
        """Show the preset that fits, or that none does."""
        now = self.session.width, self.session.level
        for index, action in enumerate(self.windows):
            preset: Preset = action.data()
            if (preset.width, preset.level) == now:
                self.preset.setCurrentIndex(index)
                return
        self.preset.setCurrentIndex(-1)

    def show_theme(self) -> None:
        """Mark the theme that is worn."""
        self.themes.mark_checked(current_theme())
