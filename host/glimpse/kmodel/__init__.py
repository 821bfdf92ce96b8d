# SPDX-License-Identifier: Apache-2.0
"""kmodel files for the K210's neural network accelerator (KPU): reading, writing, simulating. See docs/kmodel.md."""
