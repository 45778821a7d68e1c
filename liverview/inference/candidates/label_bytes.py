"""Bytes of the clean-up: a label with the liver's bit, a probability with the candidates' bit.

Bit 7 of a label's byte says that the voxel is in the liver as an organ, and the bits below keep
its label. Bit 0 of the byte of the tumor's probability says that the voxel belongs to a candidate,
whose probability is then known to 2/255::

          bit   7     6 5 4 3 2 1 0               bit   7 6 5 4 3 2 1     0
              +----+-----------------+                +---------------+-------+
      label   | in |      label      |    probability |  probability  | cand. |
              +----+-----------------+                +---------------+-------+
"""

from __future__ import annotations

import numpy as np

from liverview.core.labels import Label

IN_LIVER_BIT = np.uint8(0x80)
LABEL_BITS = np.uint8(0x7F)
HOLE = IN_LIVER_BIT
TUMOR_IN_LIVER = IN_LIVER_BIT | np.uint8(Label.TUMOR)
PLAIN_LIVER = IN_LIVER_BIT | np.uint8(Label.LIVER)
CANDIDATE_BIT = np.uint8(0x01)
