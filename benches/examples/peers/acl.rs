//! DPDK's `rte_acl`, by the program that DPDK tests it with.

use crate::lines::Subject;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the peer is told of itself: no huge pages, one core, no devices, AVX-512. \[megabytes\] of memory.
const ENVIRONMENT: [&str; 9] = [
    "--no-huge",
    "-m",
    "6144",
    "-l",
    "0",
    "--no-pci",
    "--no-telemetry",
    "--force-max-simd-bitwidth=512",
    "--log-level=1",
];

/// The rules and packets of a subject, written down for the peer.
pub(crate) struct Acl {
    rules: PathBuf,
    trace: PathBuf,
    lines: usize,
    packets: usize,
}

impl Acl {
    #[expect(clippy::expect_used, reason = "a bench without its subject has nothing to measure")]
    pub(crate) fn new(folder: &Path, subject: &Subject) -> Self {
        let (mut rules, mut trace) = (String::new(), String::new());
        subject.lines.iter().for_each(|line| writeln!(rules, "{line}").expect("text takes text"));
        for packet in &subject.packets {
            let has_ports = matches!(packet.protocol, 6 | 17 | 132);
            let [from, to] = [packet.source_port, packet.destination_port].map(|port| if has_ports { port } else { 0 });
            writeln!(trace, "{} {} {from} {to} {}", packet.source, packet.destination, packet.protocol)
                .expect("text takes text");
        }
        let [rules_file, trace_file] = ["rules", "trace"].map(|kind| folder.join(format!("{}.{kind}", subject.file())));
        std::fs::write(&rules_file, rules).expect("a folder that can be written to");
        std::fs::write(&trace_file, trace).expect("a folder that can be written to");
        Self { rules: rules_file, trace: trace_file, lines: subject.lines.len(), packets: subject.packets.len() }
    }

    /// The position of the line that decides each packet; `None` if the peer does not take the rules.
    pub(crate) fn decide(&self) -> Option<Vec<Option<usize>>> {
        let output = self.run(1, true)?;
        let told = output.lines().filter(|line| line.starts_with("ipv4_5tuple:")).map(|line| {
            let result: u32 = line.rsplit(' ').next().and_then(|word| word.parse().ok())?;
            // What no line matches is told the largest number.
            (result != u32::MAX).then_some(result as usize)
        });
        Some(told.collect())
    }

    /// Packets that are decided a second.
    pub(crate) fn rate(&self, passes: usize) -> Option<f64> {
        let output = self.run(passes, false)?;
        let line = output.lines().find(|line| line.contains(" pkt/sec"))?;
        line.split(',').next_back()?.split_whitespace().next()?.parse().ok()
    }

    /// What the peer prints; nothing if it fails.
    #[expect(clippy::expect_used, reason = "a bench without its peer has nothing to measure")]
    fn run(&self, passes: usize, verbose: bool) -> Option<String> {
        let output = Command::new("dpdk-test-acl")
            .args(ENVIRONMENT)
            .arg("--")
            .arg(format!("--rulesf={}", self.rules.display()))
            .arg(format!("--tracef={}", self.trace.display()))
            .arg(format!("--rulenum={}", self.lines + 1))
            .arg(format!("--tracenum={}", self.packets))
            .args(["--alg=avx512x32", "--bldcat=1", &format!("--tracestep={}", crate::BATCH)])
            .args([format!("--iter={passes}"), format!("--verbose={}", 2 * u8::from(verbose))])
            .output()
            .expect("dpdk-test-acl is installed: the package is called dpdk-dev");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then_some(text)
    }
}
