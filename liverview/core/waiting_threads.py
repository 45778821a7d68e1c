"""Threads of OpenMP that wait: asleep, so that other programs on the machine can work.

By default torch's threads spin while they wait for one another. Beside a busy program a spinning
thread holds the very core that the thread it waits for needs, and a segmentation takes up to ten
times as long. The runtimes read the environment once, when torch is loaded: this comes before.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_SPIN_BRIEFLY = {
    "GOMP_SPINCOUNT": "1000",  # rounds, of GNU's libgomp, which has 300,000 by default
    "KMP_BLOCKTIME": "0",  # ms, of LLVM's and Intel's libraries, which have 200 by default
}
_DECIDES = (*_SPIN_BRIEFLY, "OMP_WAIT_POLICY")


def limit_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let OpenMP's threads sleep soon when they wait, unless the person has said how they wait.

    To be called where a process begins, before torch is imported; processes that it starts
    inherit it. A library has no say in this: whoever imports liverview sets it, or does not.
    """
    if not any(name in environment for name in _DECIDES):
        environment.update(_SPIN_BRIEFLY)
