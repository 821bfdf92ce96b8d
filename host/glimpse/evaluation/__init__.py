# SPDX-License-Identifier: Apache-2.0
"""Codecs compared: quality, accuracy and loss against every byte that is sent."""
