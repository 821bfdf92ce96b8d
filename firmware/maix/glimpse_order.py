# SPDX-License-Identifier: Apache-2.0
# Where symbols lie in memory, and in which order they leave.
#
# Symbols of a frame lie as [height][width][channels] with room around them, so that a context may look beyond the
# latent's edges without asking: symbols that are never known lie there. A row's right margin is the next row's left.
from array import array

from glimpse_blob import BY_CHANNEL
from glimpse_status import ERROR_MODEL_LIMIT, NodeError


class Layout:
    # taps: for each channel what is left of its context's taps, without those that never lie inside.
    # row: distance of two rows; first: of the first symbol; size: of the whole; places: of every rank.
    def __init__(self, model):
        above = below = left = right = 0
        self.taps = []
        for context in model.contexts or ():
            taps = [tap for tap in context.taps if abs(tap[1]) < model.height and abs(tap[2]) < model.width]
            for _, dy, dx, _, _ in taps:
                above, below = max(above, -dy), max(below, dy)
                left, right = max(left, -dx), max(right, dx)
            self.taps.append(taps)
        channels = model.channels
        self.row = (model.width + max(left, right)) * channels
        self.first = above * self.row + left * channels
        self.size = self.first + (model.height + below) * self.row + right * channels
        if self.size > 0xFFFF:
            raise NodeError(ERROR_MODEL_LIMIT, "contexts that look too far")
        self.places = self._places(model)

    def _places(self, model):
        width, channels, row, first = model.width, model.channels, self.row, self.first
        line = width * channels
        stride, offset = model.stride, model.offset
        places = array("H", bytes(2 * model.symbols))
        if model.order == BY_CHANNEL:
            positions = model.height * width
            rank = 0
            for channel in range(channels):
                position = channel * offset % positions
                for _ in range(positions):
                    at = position * channels + channel
                    places[rank] = first + at // line * row + at % line
                    rank += 1
                    position = (position + stride) % positions
            return places
        total = model.symbols
        at = offset
        for rank in range(total):
            places[rank] = first + at // line * row + at % line
            at = (at + stride) % total
        return places
