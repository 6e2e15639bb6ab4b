"""How many tokens a text is, about. No model's own tokenizer: each has another, and a budget needs an upper bound."""

BYTES_PER_TOKEN = 3
"""English prose has about four bytes a token, code and JSON three; less only scripts that few models know."""


def estimate(text: str) -> int:
    """Return about how many tokens the text is, rather too many than too few."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
