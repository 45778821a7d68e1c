"""The menu View: windows, slabs, layouts, cine, annotation, panels, theme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QMenuBar

from liverview.ui.actions.factory import ActionFactory
from liverview.ui.actions.window_presets import WindowPresetActions
from liverview.ui.state.display import THICKEST_MM, Projection, SlabView
from liverview.ui.state.own_windows import OwnWindows
from liverview.ui.state.session import Convention, Session
from liverview.ui.views.cine import RATES, Cine
from liverview.ui.views.linked_views import Layout, LinkedViews
from liverview.ui.widgets.theme import Theme, current_theme, set_theme

_SLABS_MM = (5.0, 10.0, 15.0, 20.0)
_SLAB_STEP_MM = 2.0
_LAYOUT_KEYS = {Layout.ONE_AND_TWO: "F6", Layout.ROW: "F7", Layout.GRID: "F8"}


class ViewActions:
    """Commands of what the views show and how they share the space.

    Attributes
    ----------
    layout_menu : the layouts, for the toolbar as well.

    Parameters
    ----------
    panels : show and hide the docks.
    reset_panels : puts them back where they were at first.
    own_windows : the person's presets.
    """

    def __init__(
        self,
        factory: ActionFactory,
        session: Session,
        views: LinkedViews,
        cine: Cine,
        panels: Sequence[QAction],
        reset_panels: Callable[[], object],
        own_windows: OwnWindows,
    ) -> None:
        self._session, self._views, self._cine = session, views, cine
        self._panels = [
            *panels,
            factory.make_action("R&eset panels", "", "Put every panel back", reset_panels),
        ]
        self.windows = WindowPresetActions(factory, session, own_windows)
        self._make_slabs(factory)
        self._make_annotations(factory)
        self._make_layouts(factory)
        self._make_cine(factory)
        self.themes = factory.make_exclusive(
            (self._theme_action(factory, theme), theme) for theme in Theme
        )
        session.view_changed.connect(self._on_view_changed)
        session.display.changed.connect(self._on_display_changed)
        views.arranged.connect(self._on_arranged)
        self._on_display_changed()
        self._on_arranged()

    def fill_menu(self, bar: QMenuBar) -> None:
        """Add the menu to a menu bar."""
        menu = bar.addMenu("&View")
        self.windows.fill(menu.addMenu("&Window"))
        menu.addMenu("S&lab").addActions([*self.slabs.actions, self.thicker, self.thinner])
        menu.addMenu(self.layout_menu)
        menu.addMenu("&Cine").addActions([self.play, *self.rates.actions])
        menu.addActions([self.reset, self.linked])
        menu.addActions(
            [self.interpolation, self.crosshair, self.text, self.patient, self.radiological]
        )
        menu.addSeparator()
        menu.addActions(self._panels)
        menu.addMenu("&Theme").addActions(self.themes.actions)

    def show_theme(self) -> None:
        """Mark the theme that the person has chosen."""
        self.themes.mark_checked(current_theme())

    # ---- slabs -----------------------------------------------------------------------------

    def _make_slabs(self, factory: ActionFactory) -> None:
        slabs = [SlabView(), *(SlabView(kind, mm) for kind in Projection for mm in _SLABS_MM)]
        self.slabs = factory.make_exclusive((self._slab_action(factory, s), s) for s in slabs)
        self.thicker = factory.make_action(
            "T&hicker slab", "+; =", "Show a thicker slab", partial(self._thicken, _SLAB_STEP_MM)
        )
        self.thinner = factory.make_action(
            "Th&inner slab", "-", "Show a thinner slab", partial(self._thicken, -_SLAB_STEP_MM)
        )

    def _slab_action(self, factory: ActionFactory, slab: SlabView) -> QAction:
        show = partial(self._session.display.set_slab, slab)
        if not slab.mm:
            return factory.make_action("&Slice alone", "", "Show no slab", show)
        tip = f"Show the {slab.words} around the crosshair"
        return factory.make_action(slab.words, "", tip, show)

    def _thicken(self, mm: float) -> None:
        slab = self._session.display.slab
        thickness = min(max(slab.mm + mm, 0.0), THICKEST_MM)
        self._session.display.set_slab(replace(slab, mm=thickness))

    # ---- what lies on the images -----------------------------------------------------------

    def _make_annotations(self, factory: ActionFactory) -> None:
        toggle, session = factory.make_toggle, self._session
        self.crosshair = toggle("&Crosshair", "X", "Show the crosshair", session.set_show_crosshair)
        self.text = toggle(
            "&Text on the images", "H", "Show slice, window and scale", session.set_show_text
        )
        self.patient = toggle(
            "Pa&tient and study",
            "Shift+H",
            "Show the patient's name and the study above the images",
            session.set_show_patient,
        )
        self.radiological = toggle(
            "&Radiological convention", "N", "The patient's right on the left", self._set_convention
        )
        self.interpolation = toggle(
            "&Interpolate the CT", "I", "Smooth between voxels", session.display.set_interpolated
        )

    def _set_convention(self, radiological: bool) -> None:
        self._session.set_convention(
            Convention.RADIOLOGICAL if radiological else Convention.NEUROLOGICAL
        )

    def _on_view_changed(self) -> None:
        self.crosshair.setChecked(self._session.show_crosshair)
        self.text.setChecked(self._session.show_text)
        self.patient.setChecked(self._session.show_patient)
        self.radiological.setChecked(self._session.convention is Convention.RADIOLOGICAL)

    def _on_display_changed(self) -> None:
        self.interpolation.setChecked(self._session.display.interpolated)
        self.slabs.mark_checked(self._session.display.slab)

    # ---- layouts ---------------------------------------------------------------------------

    def _make_layouts(self, factory: ActionFactory) -> None:
        make, views = factory.make_action, self._views
        self.reset = make(
            "&Reset views", "R", "Every view fitted to what it shows", views.reset_views
        )
        self.alone = make(
            "&One view alone", "F", "The view that has the keys, or all", views.toggle_focused
        )
        self.layouts = factory.make_exclusive(
            (self._layout_action(factory, layout, key), layout)
            for layout, key in _LAYOUT_KEYS.items()
        )
        self.layout_menu = QMenu("La&yout", factory.window)
        self.layout_menu.addActions([*self.layouts.actions, self.alone])
        self.layout_menu.menuAction().setToolTip("How the views share the space")
        factory.set_icon(self.layout_menu.menuAction(), "layout")
        self.linked = factory.make_toggle(
            "&Linked zoom and pan", "K", "Zoom and pan all views together", views.set_linked
        )

    def _layout_action(self, factory: ActionFactory, layout: Layout, key: str) -> QAction:
        tip = f"Layout: {layout.value.lower()}"
        return factory.make_action(layout.value, key, tip, partial(self._views.set_layout, layout))

    def _on_arranged(self) -> None:
        self.layouts.mark_checked(self._views.layout_)

    # ---- cine ------------------------------------------------------------------------------

    def _make_cine(self, factory: ActionFactory) -> None:
        make = factory.make_action
        self.play = make("&Play or stop", "P", "Play through the slices", self._cine.toggle, "play")
        self.rates = factory.make_exclusive(
            (self._rate_action(factory, per_second), per_second) for per_second in RATES
        )
        self.rates.mark_checked(self._cine.rate)

    def _rate_action(self, factory: ActionFactory, per_second: int) -> QAction:
        text, tip = f"{per_second} slices per second", f"Play {per_second} slices per second"
        return factory.make_action(text, "", tip, partial(self._set_rate, per_second))

    def _set_rate(self, per_second: int) -> None:
        self._cine.set_rate(per_second)
        self.rates.mark_checked(per_second)

    # ---- theme -----------------------------------------------------------------------------

    def _theme_action(self, factory: ActionFactory, theme: Theme) -> QAction:
        tip = f"Colors of the window: {theme.value.lower()}"
        return factory.make_action(theme.value, "", tip, partial(self._set_theme, theme))

    def _set_theme(self, theme: Theme) -> None:
        set_theme(theme)
        self.show_theme()  # at once; the window hears of new colors later
