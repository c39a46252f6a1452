"""Everything on disk: partials and their journals, claims, publishing, receipts; knows no network."""
