"""What is left of Keras 1: the names of its arguments (`interfaces`) and the layers that Keras 2 gave up (`layers`)."""
