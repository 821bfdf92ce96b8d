# SPDX-License-Identifier: Apache-2.0
# Pins; all of them read as pulled up.


class GPIO:
    IN, OUT, PULL_UP = 0, 1, 2
    GPIOHS0, GPIOHS1, GPIOHS2, GPIOHS3 = 32, 33, 34, 35
    states = {}

    def __init__(self, number, mode, pull=None, value=1):
        self._number = number
        GPIO.states[number] = value

    def value(self, level=None):
        if level is None:
            return GPIO.states[self._number]
        GPIO.states[self._number] = level
