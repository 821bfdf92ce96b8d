# SPDX-License-Identifier: Apache-2.0
# A folder of the host as a flat file system, like SPIFFS: no folders, names of at most 31 characters.
import io

from uctypes import addressof

import host

_NO_FILE = 2


class Disk:
    def __init__(self, drive):
        self._drive = drive

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def chdir(self, path):
        pass

    def getcwd(self):
        return "/"

    def _name(self, path):
        name = path.lstrip("/")
        if len(name) > 30 or "/" in name:
            raise OSError(_NO_FILE)
        return "/" + self._drive + "/" + name

    def stat(self, path):
        if path in ("", "/"):
            return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        size = host.size(self._name(path))
        if size < 0:
            raise OSError(_NO_FILE)
        return (0x8000, 0, 0, 0, 0, 0, size, 0, 0, 0)

    def ilistdir(self, path):
        return iter([(name, 0x8000, 0) for name in host.list(self._drive).split("\n") if name])

    def rename(self, old, new):
        self.stat(old)
        host.rename(self._name(old), self._name(new))

    def remove(self, path):
        self.stat(path)
        host.remove(self._name(path))

    def open(self, path, mode):
        if "w" in mode:
            host.empty(self._name(path))
        if "w" in mode or "a" in mode:
            return _Writer(self._name(path))
        size = self.stat(path)[6]
        data = bytearray(size)
        if size:
            host.load(self._name(path), addressof(data), size)
        return io.BytesIO(data) if "b" in mode else io.StringIO(str(data, "utf8"))


class _Writer:
    def __init__(self, name):
        self._name = name

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def write(self, data):
        data = bytes(data, "utf8") if isinstance(data, str) else bytearray(data)
        if data:
            host.append(self._name, addressof(data), len(data))
        return len(data)

    def flush(self):
        pass

    def close(self):
        pass
