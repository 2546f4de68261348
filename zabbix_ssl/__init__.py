"""Watches TLS certificates and TLS configuration for Zabbix, Prometheus, Nagios and people."""

__version__ = "0.1.0"
