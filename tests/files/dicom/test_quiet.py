"""Warnings and logs of DICOM libraries, which quote values of patients."""

import io
import logging
import threading
import warnings

import pytest
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.misc import warn_and_log

from liverview.files.dicom.quiet import quiet_pydicom

MARKER = "ZQNAMEQZ"


def odd_data_set() -> Dataset:
    data = Dataset()
    data.StudyDate = f"{MARKER}-no-date"
    return data


def test_a_value_that_is_not_as_the_standard_has_it_warns_outside_and_not_inside() -> None:
    with pytest.warns(UserWarning, match=MARKER):
        odd_data_set()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet_pydicom(), quiet_pydicom():
            assert MARKER in odd_data_set().StudyDate
        with pytest.raises(UserWarning, match=MARKER):
            odd_data_set()


def test_nothing_of_a_quiet_block_reaches_the_handlers_of_a_program() -> None:
    root, written = logging.getLogger(), io.StringIO()
    handler = logging.StreamHandler(written)
    root.addHandler(handler)
    try:
        with quiet_pydicom():
            warn_and_log(f"value {MARKER}")
            for name in ("pydicom.pixels.utils", "highdicom.base", "pynetdicom.acse"):
                logging.getLogger(name).error(MARKER)
    finally:
        root.removeHandler(handler)
    assert MARKER not in written.getvalue()


def test_nothing_of_a_quiet_block_reaches_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_pydicom():
        data = odd_data_set()
        data["StudyDate"].VR = "DA"
        dcmwrite(io.BytesIO(), data, implicit_vr=False, little_endian=True)
        logging.getLogger("highdicom.sr.sop").warning(MARKER)
    assert MARKER not in "".join(capfd.readouterr())


def test_other_threads_warn_as_before_while_one_is_quiet() -> None:
    caught = []

    def warn() -> None:
        try:
            warnings.warn("of another thread", UserWarning, stacklevel=1)
        except UserWarning as error:
            caught.append(str(error))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet_pydicom():
            thread = threading.Thread(target=warn)
            thread.start()
            thread.join()
    assert caught == ["of another thread"]


def test_an_error_in_a_quiet_block_ends_it() -> None:
    with pytest.raises(ValueError, match="x"), quiet_pydicom():
        raise ValueError("x")
    with pytest.warns(UserWarning, match="after"):
        warnings.warn("after", UserWarning, stacklevel=1)
