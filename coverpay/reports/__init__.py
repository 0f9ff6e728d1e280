"""Reports for finance: each a table with its totals and how they come about, on a page, as CSV, XLSX and by API."""
