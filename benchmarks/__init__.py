"""Measures Weighbridge beside other downloaders, against one nginx, in one run."""
