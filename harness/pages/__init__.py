"""Self-contained HTML pages of results: they open from the disk, without a network.

`write_report_page` is in `harness.pages.report`, `write_compare_page` in `harness.pages.compare`; docs/pages.md shows both.
"""
