# SPDX-License-Identifier: Apache-2.0
"""Give PlatformIO its build tool, tool-scons, from PyPI's `scons`, and keep it from asking its registry.

PlatformIO would fetch tool-scons from its own registry, and waits a minute where that cannot be reached. It is
the same SCons as PyPI's, so it always comes from there: pip has fetched it anyway, and a build then does not
depend on which network it runs in. Done again only when PlatformIO or SCons changed its version.

    PLATFORMIO_CORE_DIR=.platformio .venv/bin/python boards/platform/tools/offline_scons.py
"""

import json
import re
import shutil
import sys
from pathlib import Path

import SCons
from platformio import app
from platformio.dependencies import get_core_dependencies
from platformio.project.config import ProjectConfig

NAME = "tool-scons"
ENTRY = """\
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "scons-local"))
import SCons.Script

SCons.Script.main()
"""
SETTINGS = {"enable_telemetry": False, "check_platformio_interval": 36500, "check_prune_system_threshold": 0}


def install(packages: Path) -> bool:
    """Make packages/tool-scons in the version this PlatformIO asks for; return whether it had to be made."""
    version = re.sub(r"^[~^>=]+", "", get_core_dependencies()[NAME])
    final = packages / NAME
    description = {"name": NAME, "version": version, "description": f"SCons {SCons.__version__} from PyPI"}
    manifest = final / "package.json"
    if manifest.is_file() and json.loads(manifest.read_text()) == description:
        return False

    fresh = packages / f".{NAME}-new"
    shutil.rmtree(fresh, ignore_errors=True)
    library = fresh / "scons-local" / "SCons"
    shutil.copytree(SCons.__path__[0], library, ignore=shutil.ignore_patterns("__pycache__", "docbook"))
    (fresh / "scons.py").write_text(ENTRY)
    (fresh / "package.json").write_text(json.dumps(description))
    # PlatformIO's note of where a package came from; it looks the package up by the owner in it.
    spec = {"owner": "platformio", "id": None, "name": NAME, "requirements": None, "uri": None}
    (fresh / ".piopm").write_text(json.dumps({"type": "tool", "name": NAME, "version": version, "spec": spec}))
    shutil.rmtree(final, ignore_errors=True)
    fresh.rename(final)
    return True


def main() -> int:
    """Install into the core directory that PlatformIO uses here, and store its settings there."""
    packages = Path(ProjectConfig.get_instance().get("platformio", "packages_dir"))
    packages.mkdir(parents=True, exist_ok=True)
    made = install(packages)
    for name, value in SETTINGS.items():
        if app.get_setting(name) != value:
            app.set_setting(name, value)
    print("PlatformIO's SCons: " + ("made from PyPI's" if made else "already there"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
