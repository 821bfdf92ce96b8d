# SPDX-License-Identifier: Apache-2.0
"""What the demo found out, and its three forms: a contact sheet, a page and a table."""

from glimpse.report.page import page
from glimpse.report.results import Demo, PhotoResult, View
from glimpse.report.sheet import contact_sheet
from glimpse.report.table import cost_lines, cost_table, quality_table

__all__ = ["Demo", "PhotoResult", "View", "contact_sheet", "cost_lines", "cost_table", "page", "quality_table"]
