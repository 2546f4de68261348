"""Zabbix: its template, its API, and where it looks for external scripts."""
