# SPDX-License-Identifier: Apache-2.0
# Which pin has which function: any, here.


class _Functions:
    def __getattr__(self, name):
        return name


class fm:
    fpioa = _Functions()
    pins = {}

    @staticmethod
    def register(pin, function, force=True):
        fm.pins[function] = pin

    @staticmethod
    def unregister(pin):
        pass
