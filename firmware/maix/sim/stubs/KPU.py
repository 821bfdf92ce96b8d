# SPDX-License-Identifier: Apache-2.0
# The accelerator: what it is loaded with and shown goes to the simulator.
from asking import FORWARD, LOAD, ask
from ustruct import pack


def load(path):
    return ask(LOAD, path.encode(), ValueError)[0]


def forward(task, img):
    if img.planes is None:
        raise ValueError("[MAIXPY]kpu: check img format err!")
    return ask(FORWARD, pack("<BHH", task, img.width(), img.height()) + img.planes, ValueError)


def deinit(task):
    pass
