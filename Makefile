# Thin: each target is a script or a CMake preset that can be called by hand as well.
JOBS ?= $(shell nproc)

.PHONY: help setup release demo test test-clients rooms explore explore-full bench check-full clean

help:
	@echo "make demo          install what is missing, build, run a bank against a ring of three nodes that loses one after the other"
	@echo "make test          all tests: g++ release; clang address+undefined and thread sanitizers; short fuzzing"
	@echo "make test-clients  unmodified Seata clients with real databases (installs Java, MariaDB, PostgreSQL)"
	@echo "make explore       everything that can happen to a ring within bounds; explore-full: wider bounds, for hours"
	@echo "make rooms         a ring in network namespaces and a hundred faults, one line appended to bench/rooms.ndjson (root)"
	@echo "make bench         throughput and latency, one line appended to bench/history.ndjson"
	@echo "make check-full    everything above that checks, and the longer runs"

setup:
	@tools/setup

release: setup
	@cmake --preset release
	@cmake --build --preset release -j $(JOBS)

demo: release
	@build/release/bin/torc-demo

test: setup
	@tools/test

test-clients: release
	@tools/setup --clients
	@tests/clients/run

explore: release
	@tools/explore

explore-full: release
	@tools/explore --full

rooms: release
	@tests/rooms/run --faults 100 --history

bench: release
	@bench/run

check-full: setup
	@tools/test --full
	@$(MAKE) --no-print-directory test-clients
	@$(MAKE) --no-print-directory rooms

clean:
	rm -rf build
