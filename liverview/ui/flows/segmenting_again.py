"""The one question before a scan is segmented: what becomes of edits and of unsaved labels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from liverview.core.edited_volume import describe_edited
from liverview.core.study import ModalityError, check_is_ct
from liverview.core.text import shown
from liverview.ui.flows.case_files import CaseFiles
from liverview.ui.jobs.controller import Controller


def ask_before_segmenting(
    files: CaseFiles, controller: Controller, start: Callable[[bool], object]
) -> None:
    """Call ``start``, with whether edits stay, once nothing is lost that a person wants.

    Labels that nobody edited are asked about where they are not saved, as everywhere.
    """
    if controller.busy:
        return
    volume = files.session.volume
    try:
        if volume is not None:
            check_is_ct(volume.study, volume.name)
    except ModalityError as error:
        files.failed.emit(shown(str(error)))
        return
    store = files.session.store
    labels = store.labels
    if labels is None or not store.hand.has_any(labels):
        files.after_saving(partial(start, False))
        return
    if controller.saving.is_running:
        controller.saving.when_saved(partial(ask_before_segmenting, files, controller, start))
        return
    edited = describe_edited(store.hand.volumes_since(labels))
    answer = files.ask(files.dialogs.edited_labels, edited, not store.modified)
    if answer is None:
        return
    if answer.save:
        files.save(partial(start, answer.keep))
    else:
        start(answer.keep)
