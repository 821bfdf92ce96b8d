# SPDX-License-Identifier: Apache-2.0
"""Moving pictures over a narrow link: how many bytes each frame gets, and video files in and out."""
