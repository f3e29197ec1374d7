"""Style sheets of the widgets room: colours come from JupyterLab's theme, and are quiet where there is none."""

from __future__ import annotations

TABLES = """
.tb-view{--tb-rule:var(--jp-border-color2,rgba(128,128,128,.35));font-size:13px;line-height:18px}
.tb-view table,table.tb-table{border-collapse:collapse;margin:2px 0 6px;font-size:13px;line-height:18px;
 font-variant-numeric:tabular-nums}
.tb-table.tb-table th,.tb-table.tb-table td{text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:0;
 white-space:nowrap;border-bottom:1px solid var(--tb-rule,rgba(128,128,128,.35));background:none;color:inherit;
 max-width:34em;overflow:hidden;text-overflow:ellipsis}
.tb-table.tb-table thead th{font-weight:600}.tb-table.tb-table tbody th{font-weight:400}
.tb-table.tb-table tbody tr{background:none}
.tb-table.tb-table .tb-num{text-align:right}
.tb-table .tb-none{opacity:.5}
.tb-table.tb-table .tb-red,.tb-view .tb-red{color:var(--jp-error-color0,#d0433b);font-weight:600}
.tb-swatch{display:inline-block;width:14px;height:0;border-top:3px solid;margin:0 6px 3px 0;vertical-align:middle}
.tb-quiet{opacity:.7}
.tb-view h4{font-size:13px;font-weight:600;margin:12px 0 4px;color:inherit}
.tb-view h4:first-of-type{margin-top:2px}.tb-view p{margin:4px 0}
.tb-diff{font-family:var(--jp-code-font-family,monospace);font-size:12px;line-height:17px;margin:2px 0 8px;
 border:1px solid var(--tb-rule);border-radius:3px;overflow-x:auto;padding:0;background:none}
.tb-diff ol{list-style:none;margin:0;padding:0;min-width:max-content}
.tb-diff li{white-space:pre;padding:0 10px;tab-size:4;color:inherit}
.tb-diff .tb-added{background:rgba(46,160,67,.2)}.tb-diff .tb-removed{background:rgba(248,81,73,.2)}
.tb-diff .tb-place{opacity:.6;padding-top:3px;padding-bottom:3px}
"""

WIDGETS = """
.tb-runs{--tb-rule:var(--jp-border-color2,rgba(128,128,128,.35));font-size:13px}
.tb-runs .tb-filter label{text-align:left}
.tb-runs .tb-filter input{font-family:var(--jp-code-font-family,monospace);font-size:13px}
.tb-runs .tb-error pre{font-family:var(--jp-code-font-family,monospace);font-size:13px;line-height:17px;margin:0;
 padding:0 0 0 63px;color:var(--jp-error-color0,#d0433b);white-space:pre;overflow-x:auto}
.tb-runs .tb-head button{background:none;color:inherit;text-align:left;padding:0 16px 0 0;font-weight:600;height:28px;
 line-height:28px;border:0;box-shadow:none;overflow:hidden;text-overflow:ellipsis}
.tb-runs .tb-head button:hover{text-decoration:underline;box-shadow:none}
.tb-runs .tb-head button:focus-visible{outline:2px solid var(--jp-brand-color1,#2f7fc1);outline-offset:-2px}
.tb-runs .tb-head button.tb-right{text-align:right}
.tb-runs .tb-names{border-right:1px solid var(--tb-rule)}
.tb-runs .tb-names label,.tb-runs .tb-names .widget-label-basic{height:28px;line-height:28px}
.tb-runs .tb-grid .tb-table.tb-table{table-layout:fixed;margin:0}
.tb-runs .tb-grid .tb-table.tb-table td{height:28px;line-height:28px;padding:0 16px 0 0;box-sizing:border-box;border:0}
.tb-runs .tb-grid .widget-html-content{line-height:28px}
"""
