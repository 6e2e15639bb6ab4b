"""Models behind the one seam of `agents/runtime/model.py`; their SDKs are imported at the first decision."""
