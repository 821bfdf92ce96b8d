# SPDX-License-Identifier: Apache-2.0
"""What a picture costs in energy: measured by a meter, or estimated from counted instructions and airtime."""
