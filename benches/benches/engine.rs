//! The rule engine: building it, and deciding.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seglab_benches::{Size, company};
use seglab_engine::{Engine, Workload};
use seglab_policy::{Assume, Connection};
use std::hint::black_box;

/// How many connections one pass decides.
const CONNECTIONS: usize = 10_000;

#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn engine(criterion: &mut Criterion) {
    for size in Size::ALL {
        let design = company(size);
        let mut compile = criterion.benchmark_group("compile/company");
        compile.sample_size(10);
        compile.bench_function(size.to_string(), |bench| {
            bench.iter_batched(|| (), |()| Engine::compile(black_box(&design)), BatchSize::PerIteration);
        });
        compile.finish();
        let engine = Engine::compile(&design).expect("the design fits");
        let workload = Workload::generate(&design, 1, CONNECTIONS);
        let mut decide = criterion.benchmark_group("decide/company");
        decide.throughput(Throughput::Elements(CONNECTIONS as u64));
        decide.bench_function(size.to_string(), |bench| bench.iter(|| pass(&engine, workload.connections())));
        decide.finish();
    }
}

fn pass(engine: &Engine, connections: &[Connection]) {
    for connection in connections {
        black_box(engine.decide(black_box(connection), Assume::business()));
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
