# SPDX-License-Identifier: Apache-2.0
"""K210 nodes under MaixPy: what lies on them, how it gets there, what a picture costs there (docs/k210.md)."""

MODEL = "starfish"
"""The model for a K210 when none is named: the only one of the zoo whose layers its accelerator has."""
