"""User portraits for e-commerce: raw orders in; tags, segments, audiences and reports out."""
