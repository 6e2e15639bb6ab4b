"""How agents run: the definition, the loop, the model seam."""
