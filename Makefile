# Mini-DERMS. `make demo` and `make test` do all the set-up themselves.

CARGO ?= cargo

CASES ?= 10000

.PHONY: help demo properties reality test test-real test-mutants mutants-sample sim day bench bench-sink lint build bootstrap fmt faults mishaps security fuzz

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

sim: ## Live SEEDS=200 random worlds of the whole loop, or SEED=n, or SCENE=name
ifdef SCENE
	$(CARGO) test --package proving --test scenes $(SCENE)
else ifdef SEED
	$(CARGO) run --quiet --package proving --bin sim -- --seed $(SEED) $(if $(TRACE),--trace)
else
	$(CARGO) run --quiet --package proving --bin sim -- --seeds $(or $(SEEDS),200) --from $(or $(FROM),1)
endif

test-mutants: ## Break the core on purpose, fault by fault, and see who notices
	$(CARGO) run --quiet --package proving --bin mutants

mutants-sample: ## Draw N=300 faults of the core by SEED=1 and see who notices each (ARGS="--page" writes docs/mutants.md, "--only 7" tries the seventh alone)
	$(CARGO) run --quiet --package proving --bin mutants -- sample --count $(or $(N),300) --seed $(or $(SEED),1) $(ARGS)

day: ## Live the demo's day under two policies and draw it into docs/images
	$(CARGO) run --quiet --package proving --bin day

properties: ## Every guarantee of the core as a property, with 10 000 cases each (CASES=...)
	PROPTEST_CASES=$(CASES) $(CARGO) test --release -p control-core

reality: ## What lying devices, meters and clocks do to the core: live each scene and write docs/reality.md
	WRITE_REALITY=1 $(CARGO) test -p control-core --test closed_loop every_scene_of_reality -- --nocapture

faults: ## Break things on purpose and compare what was promised with what came of it (ARGS="--help")
	@scripts/bootstrap test
	$(CARGO) build --workspace --bins
	@$(CARGO) run --quiet --package testbench --bin faults -- $(ARGS)

mishaps: ## What happens to `derms up` when its parts, disk, clock or folders go wrong, one after the other (ARGS="disk"; 15 minutes)
	@scripts/bootstrap test
	$(CARGO) build --workspace --bins
	@$(CARGO) run --quiet --package testbench --bin mishaps -- $(ARGS)

security: ## What strangers and accidents may not do to `derms up`, and what may be linked
	@scripts/bootstrap test
	@scripts/supply-chain
	$(CARGO) build --workspace --bins
	$(CARGO) test --no-fail-fast --package testbench --test closed

fuzz: ## Hostile traffic for every listener of a `derms up` (RUN_SECONDS=60, SEED=n, ON="mqtt kafka clickhouse api")
	@scripts/bootstrap test
	$(CARGO) build --workspace --bins
	@scripts/fuzz $(ON)

build: ## Build every program and the dashboard
	@scripts/bootstrap demo
	@scripts/build all

bench: ## What a sample and a decision cost, in time and memory (a few minutes; docs/policies.md)
	$(CARGO) bench --package control-core --bench speed
	$(CARGO) bench --package control-core --bench memory

bench-sink: ## What a sample costs from the log into ClickHouse (docs/analytics.md)
	$(CARGO) build --workspace --bin derms --release
	$(CARGO) bench --workspace --bench sink

lint: ## Formatting and lints only
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

fmt: ## Format
	$(CARGO) fmt --all

bootstrap: ## Install what is missing, or say what to install
	@scripts/bootstrap test
