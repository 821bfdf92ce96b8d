# SPDX-License-Identifier: Apache-2.0
"""K210 nodes under MaixPy: what lies on them, how it gets there, what a picture costs there (docs/k210.md)."""
