# SPDX-License-Identifier: Apache-2.0
"""Import before anything that imports Keras: takes the backend that is installed."""

import importlib.util
import os

BACKEND = next((name for name in ("torch", "jax", "tensorflow") if importlib.util.find_spec(name)), None)
os.environ.setdefault("KERAS_BACKEND", BACKEND or "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
