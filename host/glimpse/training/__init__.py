# SPDX-License-Identifier: Apache-2.0
"""Keras 3 definitions, losses and the training loop of the codecs. Needs the `[train]` extra."""
