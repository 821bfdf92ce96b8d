# SPDX-License-Identifier: Apache-2.0
# Does this board run the network that Glimpse wrote? At MaixPy's prompt: import check
#
# Loads the kmodel, gives it two known pictures and compares what comes out with check.json, which the host's simulator
# of the accelerator wrote (glimpse flash --sd). One line a step, and a verdict at the end. MicroPython 1.11.
import gc
import sys

import ujson
import uos
import utime

EXPECTED = "check.json"
AGAIN = "not checked: write the node's files again (glimpse flash)"


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# The known picture: red, green and blue of a pixel in the 5, 6 and 5 bits that MaixPy's pictures have.
def bits(x, y):
    return ((x + y) >> 3) & 31, ((x * y) >> 5) & 63, ((x ^ (y << 1)) >> 2) & 31


def folder():
    for place in ("/sd", "/flash", "."):
        try:
            uos.stat(place + "/" + EXPECTED)
            return place + "/"
        except OSError:
            pass
    return None


def say(number, what, verdict):
    print("step {}, {}: {}".format(number, what, verdict))


# Written as the node writes its patches (glimpse_patches.py): two bytes a pixel, red first.
def fill(img, width, height, pattern):
    pixels = memoryview(img.to_bytes())
    at = 0
    for y in range(height):
        for x in range(width):
            red, green, blue = bits(x, y) if pattern else (0, 0, 0)
            pixels[at] = red << 3 | green >> 3
            pixels[at + 1] = (green & 7) << 5 | blue
            at += 2


# Whether what is written to a picture's bytes is then in the picture.
def can_write(image):
    img = image.Image(size=(16, 16))
    fill(img, 16, 16, False)
    black = crc32(img.to_bytes())
    fill(img, 16, 16, True)
    return crc32(img.to_bytes()) != black


# The output's bytes. A network that ends in dequantize answers floats, here of scale 1.
def values(output, floats, count):
    if floats:
        return bytes([round(value) for value in output[:]][:count])
    return bytes(memoryview(output)[:count])


# One picture through the network: which of the expected answers came (None: another), and what to say of it.
def forward(KPU, image, task, expected, case, floats):
    width, height, count = expected["width"], expected["height"], expected["count"]
    img = image.Image(size=(width, height))
    fill(img, width, height, case == "pattern")
    img.pix_to_ai()
    gc.collect()
    start = utime.ticks_ms()
    output = KPU.forward(task, img)
    took = utime.ticks_diff(utime.ticks_ms(), start)
    data = values(output, floats, count)
    if len(data) != count:
        return None, "WRONG length: {} bytes instead of {}".format(len(data), count)
    found = crc32(data)
    for name in expected[case]:
        if expected[case][name] == found:
            return name, "right in {} ms ({})".format(took, name)
    return None, "WRONG values: checksum {:08x}".format(found)


# Runs one network file on both pictures; returns which answers came.
def compare(KPU, image, expected, variant, number):
    what = variant["file"]
    try:
        task = KPU.load(folder() + what if variant["size"] else what)
    except Exception as error:
        say(number, what, "REFUSED by this MaixPy: {}".format(error))
        return None, None
    say(number, what, "loaded")
    came = []
    for case in ("black", "pattern"):
        try:
            name, sentence = forward(KPU, image, task, expected, case, variant["floats"])
        except Exception as error:
            name, sentence = None, "did not run: {}".format(error)
        say(number, case, sentence)
        came.append(name)
        gc.collect()
    try:
        KPU.deinit(task)
    except Exception as error:
        say(number, what, "stays loaded: {}".format(error))
    return came


# Whether a file is what was written: its length and a sum, in pieces that fit any heap.
def complete(path, variant):
    size = total = 0
    try:
        with open(path, "rb") as file:
            while True:
                data = file.read(64)
                if not data:
                    break
                size += len(data)
                total = (total * 31 + sum(data)) & 0xFFFFFF
    except OSError:
        return False
    return (size, total) == (variant["size"], variant["sum"])


def run():
    machine = uos.uname()[-1] if hasattr(uos, "uname") else sys.platform
    say(1, "MicroPython", "{} on {}".format(".".join(map(str, sys.implementation[1][:3])), machine))
    place = folder()
    if place is None:
        say(2, "files", "check.json is MISSING")
        return verdict(AGAIN)
    try:
        with open(place + EXPECTED) as file:
            expected = ujson.loads(file.read())
    except ValueError:
        say(2, "files", "check.json is DAMAGED")
        return verdict(AGAIN)
    for variant in expected["variants"]:
        if variant["size"] and not complete(place + variant["file"], variant):
            say(2, "files", "{} is MISSING or DAMAGED".format(variant["file"]))
            return verdict(AGAIN)
    say(2, "files", "complete in " + place)
    gc.collect()
    try:
        import image
        import KPU
    except ImportError as error:
        say(3, "accelerator", "MISSING: {}".format(error))
        return verdict("no: this MaixPy has no KPU module; use another build")
    say(3, "accelerator", "there, {} bytes of heap free".format(gc.mem_free()))
    try:
        if not can_write(image):
            say(4, "pictures", "NOT writable: to_bytes gives a copy")
            return verdict("no: the node cannot write pictures under this MaixPy; please report")
    except Exception as error:
        say(4, "pictures", "did not run: {}".format(error))
        return verdict("no: this MaixPy makes no pictures as the node needs them; try another build")
    say(4, "pictures", "writable")
    for number, variant in enumerate(expected["variants"]):
        black, pattern = compare(KPU, image, expected, variant, 5 + number)
        if black and pattern and not pattern.startswith("bytes swapped"):
            return verdict("yes: {} runs as simulated, pictures come with {}".format(variant["file"], pattern))
        if black:
            return verdict(
                "almost: {} runs, but pictures reach it otherwise than expected; please report".format(variant["file"])
            )
    return verdict("no: please report the lines above")


def verdict(sentence):
    print("VERDICT: " + sentence)
    return sentence


if __name__ in ("check", "__main__"):
    run()
