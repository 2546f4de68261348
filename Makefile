# make demo     real TLS endpoints on loopback, good and bad, audited as Zabbix would
# make demo-zabbix  the same in a real Zabbix 7.0, to look around in; DURATION=60 ends it by itself
# make test     lint, types and all tests; installs missing servers through apt where it may
# make test-oldest  the tests with the oldest dependencies that setup.cfg allows
# make bench    the measurements
# make lint     ruff and mypy alone
# make clean    removes what these made
#
# PYTHON=python3.12 chooses the interpreter, VENV=/some/folder another place for the environment,
# NO_APT=1 keeps apt out, TESTS="tests/test_cache.py -k lock" runs some tests.

VENV ?= $(CURDIR)/.venv
export VENV OLDEST PYTHON DURATION
PY = "$(VENV)/bin/python"
TESTS ?=

.PHONY: demo demo-zabbix test test-oldest bench lint clean
.NOTPARALLEL:

demo:
	@tools/venv demo
	@exec $(PY) -m testbed.demo

demo-zabbix:
	@tools/venv demo
	@exec $(PY) -m testbed.demo_zabbix

test:
	@tools/install-servers
	@tools/venv test
	@failed=; \
	$(PY) -m ruff check . || failed="$$failed ruff"; \
	$(PY) -m mypy || failed="$$failed mypy"; \
	$(PY) -m pytest $(TESTS) || failed="$$failed pytest"; \
	[ -z "$$failed" ] || { echo "make test: failed:$$failed" >&2; exit 1; }

test-oldest: export OLDEST = 1
test-oldest: export VENV := $(VENV)-oldest
test-oldest:
	@tools/install-servers
	@tools/venv test
	@exec "$$VENV/bin/python" -m pytest $(TESTS)

bench:
	@tools/install-servers
	@tools/venv test
	@exec $(PY) -m bench

lint:
	@tools/venv test
	@$(PY) -m ruff check . && $(PY) -m mypy

clean:
	@rm -rf .venv .venv-oldest build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
