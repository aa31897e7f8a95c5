# `make test` and `make demo` set up what is missing and run, on a fresh Debian or Ubuntu machine with Rust.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
COMPANY := scenarios/catalogue/three-tier-company
DEMO_OUT ?= $(TARGET)/demo
# Random designs of each property test in `judges-long`.
DESIGNS ?= 10000
FUZZ_SECONDS ?= 60

.PHONY: all setup test demo bench bench-certificates bench-diff bench-edit bench-kernel bench-line-rate bench-peers bench-scale \
	bench-rule-sets bench-updates check-slurm check-smtlib fuzz judges-long soak

all: test

# Installs a C compiler, pkg-config and Z3 where they are missing; names the packages where it cannot.
setup:
	@sh .ci/setup

test: setup
	$(CARGO) test --workspace --locked

# Builds the tool and writes a report on a shipped scenario: one company in four designs. The report's exit code 1 says
# that a property is violated, which in these designs some are.
demo: setup
	$(CARGO) build --release --locked --package seglab-cli
	rm -rf $(DEMO_OUT)
	$(TARGET)/release/seglab report $(COMPANY)/microsegmented.yaml --against $(COMPANY)/flat.yaml \
		--against $(COMPANY)/perimeter.yaml --against $(COMPANY)/zones.yaml -o $(DEMO_OUT) || [ $$? -eq 1 ]
	@echo "the report is $(DEMO_OUT)/report.html"

bench: setup
	$(CARGO) bench --package seglab-benches --locked

# The class engine as designs grow, and where it is worst; `SCALE_MAX=1` adds a million units, which takes 6 GB.
SCALE = $(TARGET)/release/examples/scale
SCALE_MAX ?=
bench-scale: setup
	$(CARGO) build --release --locked --package seglab-benches --example scale --example growth
	@rm -f $(TARGET)/growth.md; for size in '1000 250' '5000 1000' '10000 2500' '40000 10000' '100000 25000' '300000 75000' \
		$(if $(SCALE_MAX),'1000000 250000'); do $(SCALE) company $$size >$(TARGET)/row.md || exit 1; \
		cat $(TARGET)/row.md; cat $(TARGET)/row.md >>$(TARGET)/growth.md; done
	@$(TARGET)/release/examples/growth $(TARGET)/growth.svg <$(TARGET)/growth.md
	@for worst in 'chain 40000' 'digits 1000' 'digits 2000' 'digits 5000' 'properties 40000 10000 1000'; do \
		$(SCALE) $$worst || exit 1; done

# What the simulator's event queue costs at 1e3, 1e5 and 1e6 pending events, beside the standard heap in turns.
bench-kernel: setup
	$(CARGO) run --release --locked --package seglab-benches --example kernel

# What the matcher decides a second, beside what the memory could: 40,000 units, and 1,000 to 100,000 rules.
bench-line-rate: setup
	$(CARGO) run --release --locked --package seglab-benches --example line_rate

# What filters of five fields decide a second: `RULE_SETS` are files in ClassBench's form. The first decisions of each, as
# many as four million looks at rules allow, are held to the reference evaluator.
RULE_SETS ?= $(wildcard ../shared/data/classbench/*k)
bench-rule-sets: setup
	$(CARGO) build --release --locked --package seglab-benches --example rule_sets
	@ulimit -v 8000000; $(TARGET)/release/examples/rule_sets $(RULE_SETS)

# What changing one rule, one unit's labels or many takes while packets are decided, and what it leaves to who decides.
bench-updates: setup
	$(CARGO) run --release --locked --package seglab-benches --example updates

# Beside what people use, in one run: the same questions, the same answers, and the ratio of the times. `PARTS` are
# `verifier` (an analyser of Kubernetes policies), `acl` (DPDK's packet classifier; processors with AVX-512) and `nftables`,
# which takes the rules and packets that `acl` left, in a network namespace, as root.
PEERS ?= $(TARGET)/peers
PARTS ?= verifier acl nftables
PEER_COMPANIES ?= 1000 10000
NFTABLES_SETS ?= acl1_1k acl3_1k fw2_1k acl1_10k
bench-peers: setup
	@sh .ci/peers $(PEERS) $(PARTS)
ifneq ($(filter verifier,$(PARTS)),)
	$(CARGO) build --release --locked --package seglab-cli
	@$(PEERS)/bin/python benches/peers/network_config_analyzer.py $(TARGET)/release/seglab $(PEERS)/bin/nca $(PEERS)/designs \
		200 500
endif
ifneq ($(filter acl,$(PARTS)),)
	$(CARGO) build --release --locked --package seglab-benches --example peers
	@ulimit -v 16000000; $(TARGET)/release/examples/peers $(PEERS)/acl $(RULE_SETS) --company $(PEER_COMPANIES)
endif
ifneq ($(filter nftables,$(PARTS)),)
	@unshare --net python3 benches/peers/nftables.py $(PEERS)/acl $(NFTABLES_SETS)
endif

# What holds of a shipped scenario, once more by a solver that shares nothing with the tool: every script that
# `verify --smtlib` writes is `unsat` for cvc5, which comes from the system's packages.
SMTLIB_DESIGN ?= $(COMPANY)/microsegmented.yaml
SMTLIB_OUT ?= $(TARGET)/smtlib
check-smtlib: setup
	@sh .ci/cvc5
	$(CARGO) build --release --locked --package seglab-cli
	rm -rf $(SMTLIB_OUT)
	$(TARGET)/release/seglab verify $(SMTLIB_DESIGN) --smtlib $(SMTLIB_OUT) >$(SMTLIB_OUT).txt || [ $$? -eq 1 ]
	@sh .ci/check-smtlib $(SMTLIB_OUT)

# A simulation as a job array on a cluster of one node: a task is killed and played again, and the chunks together are what one
# process prints. Needs root, and installs Slurm where it is missing.
SLURM_DESIGN ?= $(COMPANY)/microsegmented.yaml
check-slurm: setup
	$(CARGO) build --release --locked --package seglab-cli
	@sh .ci/slurm "$(abspath $(TARGET)/release/seglab)" "$(abspath $(SLURM_DESIGN))" --replicas 20000

# What certificates take: bytes, and milliseconds of the checker beyond reading and hashing.
bench-certificates: setup
	$(CARGO) run --release --locked --package seglab-benches --example certificates -- 40000 10000

# One rule of 10,000 edited, 200 times in a row, then one label, a unit more, a unit less, a listener: from the edited
# design to every verdict, beside a fresh start.
bench-edit: setup
	$(CARGO) build --release --locked --package seglab-benches --example edit
	@$(TARGET)/release/examples/edit 40000 10000 200

# The exact difference of two policies of 10,000 rules, of which 1, 100 and 1,000 were edited.
bench-diff: setup
	$(CARGO) build --release --locked --package seglab-benches --example diff
	@for edits in 1 100 1000; do $(TARGET)/release/examples/diff 40000 10000 $$edits || exit 1; done

# The property tests that hold the judges together, on many more designs than a change has to pass.
judges-long: setup
	PROPTEST_CASES=$(DESIGNS) $(CARGO) test --release --locked --package seglab-benches --test judges
	PROPTEST_CASES=$(DESIGNS) SEGLAB_DESIGNS=$(DESIGNS) SEGLAB_SEEDS=$(DESIGNS) SEGLAB_REPAIRS=200 $(CARGO) test --release --locked \
		--package seglab-policy --package seglab-engine --package seglab-verify

# The simulator against closed forms, 2 % off seen with 99 % power, the deviates of 200 seeds, and the event queue against a
# standard heap under a million scripts.
soak: setup
	SEGLAB_SOAK=1 $(CARGO) test --release --locked --package seglab-benches --test closed_forms -- --nocapture
	SEGLAB_SCRIPTS=1000000 $(CARGO) test --release --locked --package seglab-sim --test it queue::

# Needs a nightly compiler and cargo-fuzz: cargo install cargo-fuzz.
fuzz: setup
	@$(CARGO) fuzz --version >/dev/null 2>&1 || { \
		echo 'cargo-fuzz is not installed: cargo install cargo-fuzz --locked' >&2; exit 1; }
	@for target in $$($(CARGO) +nightly fuzz list); do \
		$(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done
