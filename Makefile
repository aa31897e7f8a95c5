# `make test` and `make demo` set up what is missing and run, on a fresh Debian or Ubuntu machine with Rust.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
DEMO ?= scenarios/catalogue/marketing-site/seglab.yaml
DEMO_OUT ?= $(TARGET)/demo
# Designs that each pair of judges is held to in `judges-long`.
DESIGNS ?= 10000
FUZZ_SECONDS ?= 60

.PHONY: all setup test demo bench fuzz judges-long

all: test

# Installs a C compiler, pkg-config and Z3 where they are missing; names the packages where it cannot.
setup:
	@sh .ci/setup

test: setup
	$(CARGO) test --workspace --locked

# Builds the tool and writes a report on a shipped scenario.
demo: setup
	$(CARGO) build --release --locked --package seglab-cli
	rm -rf $(DEMO_OUT)
	$(TARGET)/release/seglab report $(DEMO) -o $(DEMO_OUT)
	@echo "the report is $(DEMO_OUT)/index.html"

bench: setup
	$(CARGO) bench --package seglab-benches --locked

# The property tests that hold the judges together, on many more designs than a change has to pass.
judges-long: setup
	PROPTEST_CASES=$(DESIGNS) SEGLAB_DESIGNS=$(DESIGNS) SEGLAB_SEEDS=$(DESIGNS) \
		$(CARGO) test --release --locked --package seglab-policy --package seglab-engine --package seglab-verify

# Needs a nightly compiler and cargo-fuzz: cargo install cargo-fuzz.
fuzz: setup
	@$(CARGO) fuzz --version >/dev/null 2>&1 || { \
		echo 'cargo-fuzz is not installed: cargo install cargo-fuzz --locked' >&2; exit 1; }
	@for target in $$($(CARGO) +nightly fuzz list); do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
