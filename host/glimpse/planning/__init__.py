# SPDX-License-Identifier: Apache-2.0
"""What a link will carry and what it will cost, before anyone buys hardware."""
