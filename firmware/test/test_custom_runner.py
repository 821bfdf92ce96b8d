# SPDX-License-Identifier: Apache-2.0
"""`pio test`: read the lines that firmware/test/check.h prints, which are in Unity's format."""

from platformio.public import UnityTestRunner


class CustomTestRunner(UnityTestRunner):
    """PlatformIO's own reader of that format, without the library that it would fetch."""

    EXTRA_LIB_DEPS = None

    def configure_build_env(self, env):
        """Build the tests as they are; Unity's runner would add headers of its own."""
        return env
