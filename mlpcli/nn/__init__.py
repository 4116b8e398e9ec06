"""The mathematics of a multi-layer perceptron: arrays and a generator in, arrays out.

This package imports numpy and nothing else, prints nothing, and reads no clock, file or global random state.

One key of dimension letters for all of it:

====  ===========================================================
B     examples in the batch at hand; rows are always examples
N     examples in a data set
I     inputs, |1| in the article
O     outputs, |L| in the article
|l|   units of layer l; layer 1 is the input, layer L the output
P     parameters of the network, all weights and biases together
====  ===========================================================
"""
