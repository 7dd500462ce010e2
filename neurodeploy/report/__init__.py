"""Reports from results files. Reads results and computes nothing that is not in them."""

from __future__ import annotations

from neurodeploy.report.write import write_joint_report, write_report

__all__ = ["write_joint_report", "write_report"]
