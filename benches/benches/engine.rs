//! The rule engine and the matcher: building them, and deciding, beside the roofline of the reads.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seglab_benches::{Size, cluster, company};
use seglab_engine::{Decision, Engine, Limits, Matcher, Roofline, Workload};
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
    measure_matcher(criterion, topology, size, design);
}

/// Packets between addresses; there are none where addresses are not known.
#[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
fn measure_matcher(criterion: &mut Criterion, topology: &str, size: Size, design: &Design) {
    let build = |design| Matcher::compile(design, Assume::business(), Limits::default()).expect("the design fits");
    let mut compile = criterion.benchmark_group(format!("compile_matcher/{topology}"));
    compile.sample_size(10);
    compile.bench_function(size.to_string(), |bench| bench.iter(|| build(black_box(design))));
    compile.finish();
    let matcher = build(design);
    let packets = Workload::uniform(design, 1, CONNECTIONS).packets_v4(design, "default");
    let Some(space) = matcher.space("default").filter(|_| !packets.is_empty()) else { return };
    let roofline = Roofline::new(&matcher.reads_v4(space), packets.len());
    let mut decisions = vec![Decision::Unknown; packets.len()];
    let mut batch = criterion.benchmark_group(format!("decide_batch/{topology}"));
    batch.throughput(Throughput::Elements(packets.len() as u64));
    batch.bench_function(size.to_string(), |bench| {
        bench.iter(|| matcher.decide_batch_v4(space, black_box(&packets), &mut decisions));
    });
    batch.bench_function(format!("{size}-roofline"), |bench| bench.iter(|| roofline.pass()));
    batch.finish();
}

fn pass(engine: &Engine, connections: &[Connection]) {
    for connection in connections {
        black_box(engine.decide(black_box(connection), Assume::business()));
    }
}

criterion_group!(benches, engine);
criterion_main!(benches);
