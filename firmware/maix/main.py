# SPDX-License-Identifier: Apache-2.0
# The K210 node: MaixPy runs this file when the board starts. Holding the key then, or Control-C at any time, leads to
# MicroPython's prompt instead.
import sys

import uos
from glimpse_board import Board
from glimpse_node import Node
from glimpse_settings import SETTINGS, Store
from utime import sleep_ms


def run():
    folder = uos.getcwd().rstrip("/")
    board = Board(Store(folder + "/settings.json", SETTINGS))
    if board.key_is_held():
        board.release()
        return
    board.start_watchdog()
    try:
        node = Node(board, folder)
        node.start()
        board.led("ready")
        while True:
            node.poll()
    except KeyboardInterrupt:
        board.release()
    except Exception as error:
        # Said on the prompt's line, shown by the light, and tried again: a camera or a card may have been at fault.
        board.led("error")
        print("glimpse:", error)
        sys.print_exception(error)
        for _ in range(50):
            board.feed()
            sleep_ms(100)
        board.reset()


run()
