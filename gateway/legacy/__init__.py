"""Ordinary mail: the network of mail servers that existed before."""
