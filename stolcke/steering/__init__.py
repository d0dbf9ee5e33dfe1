"""A language model and a grammar together: products of their distributions, and samples from what they define."""

from stolcke.steering.products import Product, combine, product
from stolcke.steering.sampling import Model, Particle, Posterior, sample

__all__ = ["Model", "Particle", "Posterior", "Product", "combine", "product", "sample"]
