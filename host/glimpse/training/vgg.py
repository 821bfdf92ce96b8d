# SPDX-License-Identifier: Apache-2.0
"""VGG16 (Simonyan and Zisserman 2015) as the eye of the perceptual loss, for whoever has its weights.

The file is Keras's own, `vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5`; it is neither fetched nor shipped.
"""

from pathlib import Path

import keras
from keras import layers, ops

from glimpse.errors import GlimpseError

DEPTHS = ("block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3")  # Johnson et al. 2016, section 3.2
RGB_MEANS = (123.68, 116.779, 103.939)  # what the published weights expect to be subtracted


def vgg_features(weights: Path, size: int) -> keras.Model:
    """The maps that the perceptual loss compares.

    Args:
        weights: of the layers below the classifier, as Keras stores them.
        size: side of the photos in pixels, at least 32.

    Returns:
        A frozen model from photos [n, size, size, 3] in 0..1 to a dictionary of maps by layer.

    Raises:
        GlimpseError: no such weights.
    """
    network = keras.applications.VGG16(include_top=False, weights=None, input_shape=(size, size, 3))
    try:
        network.load_weights(weights)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise GlimpseError(f"{weights} holds no weights of VGG16 without its classifier: {reason}") from error
    photo = keras.Input((size, size, 3), name="photo")
    stored = layers.Rescaling(255.0, [-mean for mean in RGB_MEANS], name="centred")(photo)
    taps = keras.Model(network.input, {name: network.get_layer(name).output for name in DEPTHS}, name="vgg16")
    model = keras.Model(photo, taps(ops.flip(stored, axis=-1)), name="features")  # blue first
    model.trainable = False
    return model
