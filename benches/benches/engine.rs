//! The rule engine: building it, and deciding.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seglab_benches::{Size, cluster, company};
use seglab_engine::{Engine, Workload};
use seglab_policy::{Assume, Connection, Design};
use std::hint::black_box;

/// How many connections one pass decides.
const CONNECTIONS: usize = 10_000;

fn engine(criterion: &mut Criterion) {
    for size in Size::ALL {
        measure(criterion, "company", size, &company(size));
    }
    // The reader of manifests, not the engine, bounds the size of clusters here.
    for size in Size::ALL.into_iter().take(2) {
        measure(criterion, "cluster", size, &cluster(size));
    }
}

#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn measure(criterion: &mut Criterion, topology: &str, size: Size, design: &Design) {
    let mut compile = criterion.benchmark_group(format!("compile/{topology}"));
    compile.sample_size(10);
    compile.bench_function(size.to_string(), |bench| bench.iter(|| Engine::compile(black_box(design))));
    compile.finish();
    let engine = Engine::compile(design).expect("the design fits");
    let workload = Workload::generate(design, 1, CONNECTIONS);
    let mut decide = criterion.benchmark_group(format!("decide/{topology}"));
    decide.throughput(Throughput::Elements(CONNECTIONS as u64));
    decide.bench_function(size.to_string(), |bench| bench.iter(|| pass(&engine, workload.connections())));
    decide.finish();
}

fn pass(engine: &Engine, connections: &[Connection]) {
    for connection in connections {
        black_box(engine.decide(black_box(connection), Assume::business()));
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
