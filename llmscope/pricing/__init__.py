"""Prices: from the name in a log to the rate in force, and one join that prices a whole table.

`PriceBook.open` reads the layers, `book.resolve` finds the entry behind a logged name, `rate_table` turns the
distinct keys of a store into a small table of rates, and its `priced_sql` is the relation `priced`.
"""

from llmscope.pricing.book import PriceBook, Resolution
from llmscope.pricing.notes import price_notes
from llmscope.pricing.priced import EXTENT_SQL, KEYS_SQL, RateTable, extent_of, rate_table
from llmscope.pricing.rates import Extent

__all__ = [
    "EXTENT_SQL",
    "KEYS_SQL",
    "Extent",
    "PriceBook",
    "RateTable",
    "Resolution",
    "extent_of",
    "price_notes",
    "rate_table",
]
