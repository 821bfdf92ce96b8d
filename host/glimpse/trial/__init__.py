# SPDX-License-Identifier: Apache-2.0
"""A whole link in virtual time: node, modem, lossy air and receiver, to see what it does before hardware is bought."""
