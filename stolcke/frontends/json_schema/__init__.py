"""JSON Schema -> Grammar.

Read in this order: :mod:`read` is the way in, :mod:`keywords` says what each keyword
means as a set of values, :mod:`algebra` combines such sets, and :mod:`emit` writes them
down as rules.
"""
