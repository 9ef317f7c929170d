# Mini-DERMS. `make demo` and `make test` do all the set-up themselves.

CARGO ?= cargo

.PHONY: help demo test test-real bench lint build bootstrap fmt

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: ## Build, then run the whole loop with a simulated fleet
	@scripts/bootstrap demo
	@scripts/build demo
	@exec scripts/run-demo

test: ## Everything that CI checks
	@scripts/bootstrap test
	@scripts/test

test-real: ## Only the services and embedded servers against Mosquitto, Kafka and each other
	@scripts/bootstrap test
	@scripts/test real

build: ## Build every program and the dashboard
	@scripts/bootstrap demo
	@scripts/build all

bench: ## What a sample and a decision cost, in time and memory (a few minutes; docs/policies.md)
	$(CARGO) bench --package control-core --bench speed
	$(CARGO) bench --package control-core --bench memory

lint: ## Formatting and lints only
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fmt: ## Format
	$(CARGO) fmt --all

bootstrap: ## Install what is missing, or say what to install
	@scripts/bootstrap test
