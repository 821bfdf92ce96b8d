# SPDX-License-Identifier: Apache-2.0
# The camera: sees what the host shows it.
from asking import CAMERA, ask
from image import Image
from ustruct import pack

RGB565 = 2
QVGA = 9
_size = [320, 240]


def reset(*words, **more):
    _shot(1, 1)  # says when there is no camera


def set_pixformat(which):
    pass


def set_framesize(which):
    pass


def set_windowing(size):
    _size[:] = size[-2:]


def set_vflip(on):
    pass


def set_hmirror(on):
    pass


def run(on):
    pass


def skip_frames(*words, **more):
    pass


def _shot(width, height):
    return ask(CAMERA, pack("<HH", width, height), RuntimeError)


def snapshot():
    img = Image(size=(_size[0], _size[1]))
    img.pixels[:] = _shot(_size[0], _size[1])
    return img
