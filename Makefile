# `make test` and `make demo` set up what is missing and run, on a fresh Debian or Ubuntu machine with Rust.

CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
COMPANY := scenarios/catalogue/three-tier-company
DEMO_OUT ?= $(TARGET)/demo
# Random designs of each property test in `judges-long`.
DESIGNS ?= 10000
FUZZ_SECONDS ?= 60

.PHONY: all setup test demo bench bench-campaigns bench-certificates bench-diff bench-edit bench-kernel bench-line-rate bench-peers \
	bench-red-team bench-scale bench-rule-sets bench-updates check-slurm check-smtlib exact-long fuzz judges-long miri soak

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

# Replicas a minute of the program on large designs, flat and segmented, with everything on. A size is units, rules, and replicas
# of either design. A flat one of 4,000 units takes 14 s a replica; one of 40,000 was never waited for.
CAMPAIGN_SIZES ?= '4000 1000 20 20000' '40000 10000 0 2000'
bench-campaigns: setup
	$(CARGO) build --release --locked --package seglab-cli
	$(CARGO) build --release --locked --package seglab-benches --example campaigns
	@for size in $(CAMPAIGN_SIZES); do \
		$(TARGET)/release/examples/campaigns $(TARGET)/release/seglab $(TARGET)/campaigns $$size || exit 1; done

# A red team's times to the crown jewels of a hundred workloads, beside what the same designs give over a box of parameters.
bench-red-team: setup
	$(CARGO) build --release --locked --package seglab-benches --example red_team
	@$(TARGET)/release/examples/red_team scenarios/experiments/red-team 40 20

# Beside what people use, in one run: the same questions, the same answers, and the ratio of the times. `PARTS` are
# `verifier` (an analyser of Kubernetes policies), `acl` (DPDK's packet classifier; processors with AVX-512), `nftables`,
# which takes the rules and packets that `acl` left, in a network namespace, as root, `engines`: Cedar, Rego and
# Wirefilter, by their crates, which compile for minutes, `nasim` (an attack simulator, on its own scenarios), and `queues`
# (one server's queue in two event-driven simulators).
PEERS ?= $(TARGET)/peers
PARTS ?= verifier acl nftables engines nasim queues
PEER_COMPANIES ?= 1000 10000
NASIM_SCENARIOS ?= $(wildcard ../shared/data/nasim/*.yaml)
NFTABLES_SETS ?= acl1_1k acl3_1k fw2_1k acl1_10k company552of1000 company5182of10000
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
ifneq ($(filter engines,$(PARTS)),)
	$(CARGO) build --release --locked --manifest-path benches/peers/engines/Cargo.toml --target-dir $(PEERS)/engines
	@ulimit -v 12000000; $(PEERS)/engines/release/seglab-peer-engines $(PEER_COMPANIES)
endif
ifneq ($(filter nasim,$(PARTS)),)
	$(CARGO) build --release --locked --package seglab-cli
	$(CARGO) build --release --locked --package seglab-benches --example attacker_actions
	@$(PEERS)/bin/python benches/peers/nasim_actions.py $(TARGET)/release/seglab $(TARGET)/release/examples/attacker_actions \
		$(NASIM_SCENARIOS)
endif
ifneq ($(filter queues,$(PARTS)),)
	$(CARGO) build --release --locked --package seglab-cli
	$(CARGO) build --release --locked --manifest-path benches/peers/queues/Cargo.toml --target-dir $(PEERS)/queues
	@$(PEERS)/bin/python benches/peers/queues.py $(TARGET)/release/seglab $(PEERS)/queues/release/seglab-peer-queues \
		scenarios/closed-forms/mm1.yaml
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

# The matcher beside scans that share no line with it, long: every elementary cell of ClassBench sets and of label policies up
# to `CELLS` of each kind (past that, every edge in its turn), and ten million packets at and beside the edges of the sets.
CELLS ?= 100000000
exact-long: setup
	SEGLAB_CELLS=$(CELLS) SEGLAB_RULE_SETS=all SEGLAB_PACKETS=420000 $(CARGO) test --release --locked --package seglab-benches \
		--test classbench --test label_policies -- --nocapture

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
		mkdir -p fuzz/corpus/$$target fuzz/seeds/$$target; \
		$(CARGO) +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# The file with `unsafe` in it, under Miri, which has no gathers: they are made of single reads there. Needs a nightly compiler
# with Miri: rustup component add --toolchain nightly miri.
miri:
	@$(CARGO) +nightly miri --version >/dev/null 2>&1 || { \
		echo 'Miri is not installed: rustup component add --toolchain nightly miri rust-src' >&2; exit 1; }
	RUSTFLAGS='-C target-feature=+avx512f' $(CARGO) +nightly miri test --package seglab-engine --lib matcher::batch
