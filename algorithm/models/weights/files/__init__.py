"""Which files of weights are read? One file for each form, or for each family of layer names."""
