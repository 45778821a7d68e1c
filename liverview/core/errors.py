"""The base of every error that liverview raises for what a person can mend."""

from __future__ import annotations

from liverview.core.text import shortened


class LiverviewError(ValueError):
    """Something that a person can mend; the message names it, the value and the way out.

    A message that quotes something endless is shortened in its middle.

    Examples
    --------
    >>> import liverview as lv
    >>> try:
    ...     lv.read("no_such_file.nii.gz")
    ... except lv.LiverviewError as error:
    ...     print(error)
    no_such_file.nii.gz does not exist: check the name.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(str(message)))
