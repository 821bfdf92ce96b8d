# SPDX-License-Identifier: Apache-2.0
# A photo through the KPU patch by patch. One image of a patch's size serves them all: nothing is allocated for a photo
# but the rows that wait for their patches, and what the KPU gives.
import gc

from glimpse_status import ERROR_MODEL_FORMAT, NodeError


class Patches:
    # forward(image): what the KPU gives of it. picture(width, height): an empty RGB565 image.
    def __init__(self, model, quantiser, forward, picture):
        self._quantiser = quantiser
        self._forward = forward
        self.side = model.patches
        self.width = model.photo_width
        self.height = model.photo_height
        self._patch_width = model.photo_width // model.patches
        self.rows = model.photo_height // model.patches  # of photo that a row of patches needs
        self._image = picture(self._patch_width, self.rows)
        self._pixels = memoryview(self._image.to_bytes())

    # A row of patches: `rows` holds self.rows rows of the photo, RGB565 as the camera has them; y: which.
    def put(self, rows, symbols, y):
        pixels = self._pixels
        across, line = 2 * self.width, 2 * self._patch_width
        for x in range(self.side):
            at = x * line
            for to in range(0, self.rows * line, line):
                pixels[to : to + line] = rows[at : at + line]
                at += across
            self._image.pix_to_ai()
            latent = self._forward(self._image)
            view = _whole(memoryview(latent))
            if len(view) != self._quantiser.count:
                raise NodeError(ERROR_MODEL_FORMAT, "the kmodel is not the model's: other output")
            self._quantiser.put(view, symbols, y, x)
            del view, latent
            gc.collect()


# A kmodel that ends with a DEQUANTIZE layer of scale 1 gives its bytes as floats.
def _whole(latent):
    if len(latent) == 0 or not isinstance(latent[0], float):
        return latent
    try:
        return bytes(int(value) for value in latent)
    except (ValueError, OverflowError):
        raise NodeError(ERROR_MODEL_FORMAT, "the kmodel is not the model's: other scale")


class Rgb565:
    # RGB888 to two bytes, red first, rounded as MaixPy's own tables are.
    def __init__(self):
        self._red = bytes((v * 31 + 127) // 255 << 3 for v in range(256))
        self._blue = bytes((v * 31 + 127) // 255 for v in range(256))
        self._green_high = bytes((v * 63 + 127) // 255 >> 3 for v in range(256))
        self._green_low = bytes(((v * 63 + 127) // 255 & 7) << 5 for v in range(256))

    def put(self, rgb, pixels):
        red, blue, high, low = self._red, self._blue, self._green_high, self._green_low
        at = 0
        for i in range(0, len(rgb), 3):
            green = rgb[i + 1]
            pixels[at] = red[rgb[i]] | high[green]
            pixels[at + 1] = low[green] | blue[rgb[i + 2]]
            at += 2


# A row of the test pattern (firmware/app/pattern.c), RGB888.
def pattern_row(rgb, width, height, y):
    radius = min(width, height) // 4
    dy = y - height // 2
    at = 0
    for x in range(width):
        dx = x - width // 2
        if dx * dx + dy * dy < radius * radius:
            rgb[at], rgb[at + 1], rgb[at + 2] = 230, 60 + 120 * y // height, 40
        elif 2 * y >= height and 2 * x < width:
            rgb[at] = rgb[at + 1] = rgb[at + 2] = 220 if (x >> 3 ^ y >> 3) & 1 else 30
        else:
            rgb[at], rgb[at + 1], rgb[at + 2] = 255 * x // width, 255 * y // height, 255 - 255 * x // width
        at += 3
