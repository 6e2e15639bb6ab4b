"""What a review is made of: the change in parts, what is wrong with it, and what is known of it from before."""
