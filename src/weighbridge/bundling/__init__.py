"""Bundles: what is packed for machines without a network, checked there, and taken into their cache."""
