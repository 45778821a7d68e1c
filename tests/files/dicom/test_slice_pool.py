"""Slices come in their order, whatever thread is done first, and threads end with the generator."""

from __future__ import annotations

import threading

import pytest

from liverview.files.dicom.series.slice_pool import iter_slices


def test_results_come_in_order_though_the_first_is_done_last() -> None:
    second_done = threading.Event()

    def read(index: int) -> int:
        if index == 0:
            assert second_done.wait(30)
        if index == 1:
            second_done.set()
        return index

    assert list(iter_slices(read, 20, threads=2)) == list(range(20))


def test_no_more_than_a_few_are_begun_ahead() -> None:
    begun: list[int] = []

    def read(index: int) -> None:
        begun.append(index)

    slices = iter_slices(read, 1000, threads=2)
    next(slices)
    slices.close()
    assert len(begun) <= 6


def test_an_error_is_raised_and_threads_have_ended() -> None:
    def read(index: int) -> int:
        if index == 3:
            raise ValueError("broken")
        return index

    with pytest.raises(ValueError, match="broken"):
        list(iter_slices(read, 50, threads=2))
    assert not [each for each in threading.enumerate() if each.name.startswith("dicom slices")]
