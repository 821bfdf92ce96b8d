# SPDX-License-Identifier: Apache-2.0
"""From a trained int8 network to the model blob that nodes run."""
