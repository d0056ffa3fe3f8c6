"""The report as one HTML page that needs no network: template, style and script stand beside this file."""

from lameduck.report.html.page import render_html

__all__ = ["render_html"]
