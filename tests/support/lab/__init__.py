"""The crash laboratory: walks that are disturbed at a known step or a random one, and judged afterwards."""
