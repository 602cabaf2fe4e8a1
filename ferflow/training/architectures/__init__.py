"""Architectures of networks, a module each; `train.network.architecture` names the module."""
