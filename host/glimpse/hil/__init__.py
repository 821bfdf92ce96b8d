# SPDX-License-Identifier: Apache-2.0
"""Hardware in the loop: a pytest plugin that gives tests a node, real or emulated (docs/hil.md)."""
