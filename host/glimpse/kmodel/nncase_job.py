# SPDX-License-Identifier: Apache-2.0
"""Runs nncase 1.9 in its own environment, without Glimpse: python -I nncase_job.py FOLDER.

FOLDER holds network.tflite (float), calibration.npy and pictures.npy (uint8 [n, channels, height, width], 0..255 for
0..1). Written are compiled.kmodel (version 5) and results.npy, what nncase's simulator gives for the pictures.
"""

import sys
from pathlib import Path

import nncase
import numpy as np


def compiled(network: bytes, calibration: np.ndarray) -> bytes:
    """The version 5 file."""
    options = nncase.CompileOptions()
    options.target = "k210"
    options.input_type = options.quant_type = "uint8"
    options.use_mse_quant_w = True  # gains half a decibel
    options.preprocess = True
    options.input_range = [0, 1]
    options.mean, options.std = [0, 0, 0], [1, 1, 1]
    options.input_layout = options.output_layout = "NCHW"
    options.input_shape = [1, *calibration.shape[1:]]
    compiler = nncase.Compiler(options)
    compiler.import_tflite(network, nncase.ImportOptions())
    samples = nncase.PTQTensorOptions()
    samples.samples_count = len(calibration)
    samples.set_tensor_data(np.ascontiguousarray(calibration).tobytes())
    compiler.use_ptq(samples)
    compiler.compile()
    return compiler.gencode_tobytes()


def simulated(kmodel: bytes, pictures: np.ndarray) -> np.ndarray:
    """float32 [n, ...]: the first output for each picture."""
    simulator = nncase.Simulator()
    simulator.load_model(kmodel)
    results = []
    for picture in pictures:
        simulator.set_input_tensor(0, nncase.RuntimeTensor.from_numpy(np.ascontiguousarray(picture[None])))
        simulator.run()
        results.append(simulator.get_output_tensor(0).to_numpy()[0].copy())
    return np.array(results)


def main() -> None:
    """Does what is written above."""
    folder = Path(sys.argv[1])
    kmodel = compiled((folder / "network.tflite").read_bytes(), np.load(folder / "calibration.npy"))
    (folder / "compiled.kmodel").write_bytes(kmodel)
    np.save(folder / "results.npy", simulated(kmodel, np.load(folder / "pictures.npy")))


if __name__ == "__main__":
    main()
