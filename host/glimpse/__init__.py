# SPDX-License-Identifier: Apache-2.0
"""Glimpse: camera images from microcontrollers over links of a few bytes a second that lose many of them."""

__version__ = "0.1.0"
