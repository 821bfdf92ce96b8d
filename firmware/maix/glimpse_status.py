# SPDX-License-Identifier: Apache-2.0
# Results that a node reports: the numbers of firmware/core/status.h.

ERROR_BUFFER = -1
ERROR_ARGUMENT = -2
ERROR_STATE = -3
ERROR_LENGTH = -4
ERROR_CHECK = -5
ERROR_ENCODING = -6
ERROR_VERSION = -7
ERROR_KIND = -8
ERROR_MODEL_FORMAT = -14
ERROR_MODEL_LIMIT = -15
ERROR_SOURCE = -16
ERROR_STORAGE = -17


class NodeError(Exception):
    # status: one of the numbers above; why: for whoever reads the board's console
    def __init__(self, status, why=""):
        super().__init__(why)
        self.status = status
