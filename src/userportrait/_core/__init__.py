"""Private ground floor: frames, columns, parameter rules, estimators, expressions, display."""
