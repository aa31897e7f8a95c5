//! NASim scenarios: the networks that attack simulators and learning agents are compared on (Schwartz and Kurniawatti,
//! *NASim: Network Attack Simulator*, 2019).
//!
//! A scenario is one YAML file: subnets of hosts, which subnets are linked (0 is the internet), which services the
//! firewall lets through between them, what runs on each host, and what exploits and privilege escalations take.
//!
//! # What becomes a part of a design
//! - A subnet is an address space with a place of its own, a link a route; an appliance between subnets enforces the
//!   firewall **as the file states it**. (NASim itself lets traffic pass from a public subnet whose hosts nobody owns, and
//!   never looks at the firewalls of hosts.) The firewall of a host is an agent that denies.
//! - A host is a unit with the labels `subnet`, `os` and `runs-PROCESS`, a named listener for each service, and a
//!   vulnerability for each exploit that fits its services and system. Sensitive hosts are critical.
//! - Exploits, escalations and the scan of a subnet become the design's [`Tradecraft`](seglab_policy::Tradecraft). An
//!   exploit never fails on a host where the attacker has an account already; one that gives all of the host is therefore
//!   also an escalation that always works.
//!
//! Services have names and no ports: they get those that their names are known by, or free ones, which is an assumption.
//!
//! ```
//! use seglab_formats::{File, nasim};
//! let text = r#"
//! subnets: [1]
//! topology: [[1, 1], [1, 1]]
//! sensitive_hosts: {"(1, 0)": 10}
//! os: [linux]
//! services: [ssh]
//! processes: [cron]
//! exploits: {e_ssh: {service: ssh, os: linux, prob: 0.5, cost: 2, access: root}}
//! privilege_escalation: {}
//! service_scan_cost: 1
//! os_scan_cost: 1
//! subnet_scan_cost: 1
//! process_scan_cost: 1
//! host_configurations: {"(1, 0)": {os: linux, services: [ssh], processes: []}}
//! firewall: {"(0, 1)": [ssh], "(1, 0)": []}
//! "#;
//! assert!(nasim::is_scenario(text));
//! let reading = nasim::read(&File { path: "one.yaml".into(), text: text.into() })?;
//! assert_eq!(reading.draft.units[0].vulnerabilities[0].name, "e_ssh");
//!
//! let wrong = text.replace("prob: 0.5", "prob: 1.5");
//! assert!(nasim::read(&File { path: "one.yaml".into(), text: wrong }).is_err());
//! # Ok::<(), seglab_formats::Rejected>(())
//! ```

mod draft;
mod scenario;

use crate::yaml::documents;
use crate::{File, Reading, Rejected};
use scenario::Scenario;
use seglab_policy::{Diagnostic, SourceId, Span};

/// True for a text that has the top-level keys of a scenario and none of a manifest.
pub fn is_scenario(text: &str) -> bool {
    let has = |key: &str| {
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        lines.any(|line| line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':')))
    };
    let own = ["subnets", "topology", "sensitive_hosts", "host_configurations", "privilege_escalation"];
    own.into_iter().filter(|key| has(key)).count() >= 2 && !has("apiVersion") && !has("seglab")
}

/// Reads a scenario.
///
/// # Errors
/// Every error in the file: invalid YAML, unknown keys and names, hosts that are missing, numbers that are none.
pub fn read(file: &File) -> Result<Reading, Rejected> {
    let sources = vec![file.source()];
    let mut report = Vec::new();
    let scenario = match one_document(&file.text) {
        Ok(node) => Scenario::read(&node, &mut report),
        Err(error) => {
            report.push(error);
            None
        }
    };
    report.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
    match scenario {
        Some(scenario) if report.iter().all(|said| said.severity != seglab_policy::Severity::Error) => {
            let mut draft = draft::draft(&scenario);
            draft.sources = sources;
            Ok(Reading { draft, diagnostics: report })
        }
        _ => Err(Rejected { diagnostics: report, sources }),
    }
}

fn one_document(text: &str) -> Result<crate::yaml::Node, Diagnostic> {
    let mut all = documents(text, SourceId(0));
    let first = all.next().unwrap_or_else(|| {
        let start = Span { source: SourceId(0), line: 1, column: 1 };
        Err(Diagnostic::error("nothing-to-read", "the file is empty", Some(start)).with_help("name a scenario"))
    })?;
    match all.next() {
        None => Ok(first),
        Some(Err(error)) => Err(error),
        Some(Ok(second)) => {
            let message = "a scenario is a single document";
            Err(Diagnostic::error("two-documents", message, Some(second.span)).with_help("remove what follows `---`"))
        }
    }
}
