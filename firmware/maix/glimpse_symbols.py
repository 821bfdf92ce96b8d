# SPDX-License-Identifier: Apache-2.0
# QUANTISE: what the KPU gives (uint8, the int8 latent and 128, channel after channel) to symbols in their places.


class Quantiser:
    # One byte for each value of each channel: no division is left for the photo.
    def __init__(self, model, layout):
        self._model = model
        self._layout = layout
        table = bytearray(256 * model.channels)
        last = model.levels - 1
        for c in range(model.channels):
            minimum, step = model.minimum[c], model.step[c]
            for value in range(256):
                above = (value - 128) * 256 - minimum + step // 2
                table[256 * c + value] = max(0, min(above // step, last))
        self._table = memoryview(table)
        self.rows = model.height // model.patches  # of a patch
        self.columns = model.width // model.patches
        self.count = self.rows * self.columns * model.channels

    # A patch's output [channels][rows][columns] into symbols [..]; y, x: the patch, counted from the top left.
    def put(self, latent, symbols, y, x):
        layout, channels = self._layout, self._model.channels
        rows, columns, row = self.rows, self.columns, layout.row
        corner = layout.first + y * rows * row + x * columns * channels
        at = 0
        for channel in range(channels):
            table = self._table[256 * channel : 256 * channel + 256]
            for line in range(corner + channel, corner + channel + rows * row, row):
                for place in range(line, line + columns * channels, channels):
                    symbols[place] = table[latent[at]]
                    at += 1
