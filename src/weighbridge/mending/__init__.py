"""Having blobs right again that are damaged or gone, for as few bytes as can be."""
