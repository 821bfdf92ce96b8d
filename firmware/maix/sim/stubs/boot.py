# SPDX-License-Identifier: Apache-2.0
# What MaixPy does before main.py: mounts the disks and goes to the card, if there is one with a main.py.
import os
import sys

import disk
import vfs

import host

sys.modules["uos"] = os
vfs.mount(disk.Disk("flash"), "/flash")
home = "/flash"
if host.has_sd():
    vfs.mount(disk.Disk("sd"), "/sd")
    sys.path.append("/sd")
    if "main.py" in os.listdir("/sd"):
        home = "/sd"
sys.path.append("/flash")
os.chdir(home)


# Called when main.py has ended and all garbage is gone; main.py may put something else here.
def finish():
    pass


with open(home + "/main.py") as file:
    source = file.read()
exec(compile(source, "main.py", "exec"), {"__name__": "__main__"})
