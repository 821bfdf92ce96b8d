# SPDX-License-Identifier: Apache-2.0
# MaixPy's image, as far as the node uses it: RGB565, the byte with red first, and beside it the KPU's planes.
from uctypes import addressof

import host


class Image:
    def __init__(self, size):
        self.columns, self.rows = size
        self.pixels = bytearray(2 * self.columns * self.rows)
        self.planes = None  # of the KPU, until pix_to_ai

    def width(self):
        return self.columns

    def height(self):
        return self.rows

    def to_bytes(self):
        return self.pixels

    def pix_to_ai(self):
        if self.planes is None:
            self.planes = bytearray(3 * self.columns * self.rows)
        host.planar(addressof(self.pixels), self.columns * self.rows, addressof(self.planes))
