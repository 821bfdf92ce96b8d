# SPDX-License-Identifier: Apache-2.0
"""An emulated LoRaWAN modem: AT commands in, payloads out, in virtual or real time."""
