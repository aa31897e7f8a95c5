//! ClassBench rule sets: what packet classifiers are measured with (Taylor and Turner, *ClassBench: A Packet
//! Classification Benchmark*, 2007), and what filters are exported as to compare them.
//!
//! One rule a line, the first match decides, and fields are separated by blanks:
//!
//! ```text
//! @source/bits  destination/bits  low : high  low : high  protocol/mask  [flags/mask]
//! ```
//!
//! Ports are those of the source, then those of the destination. A line says whom it matches and not what becomes of them:
//! [`Actions`] says that, and an assumption of the design repeats it. A packet of a protocol without ports has the port 0
//! at both ends, as it has to classifiers of five fields. TCP flags are not looked at, which is a note.
//!
//! What comes out is one rulebook at one point, without units: what the point says of a connection between any two
//! addresses is asked with [`Design::judge_at`](seglab_policy::Design::judge_at).
//!
//! ```
//! use seglab_formats::{File, classbench};
//! let text = "@10.0.0.0/8\t0.0.0.0/0\t0 : 65535\t443 : 443\t0x06/0xFF\t0x0000/0x0000\n".to_owned();
//! let file = File { path: "acl".to_owned(), text };
//! let reading = classbench::read(&file, classbench::Actions::AllAllow)?;
//! assert_eq!(reading.draft.rulebooks[0].tiers[0].rules.len(), 1);
//! # Ok::<(), seglab_formats::Rejected>(())
//! ```

mod line;

use crate::{File, Reading, Rejected};
use line::{Line, Trouble};
use seglab_policy::{
    Action, AddressSet, Assumption, Covers, Diagnostic, Directions, Draft, EnforcementPoint, Family, IntervalSet, Mode,
    Order, Peer, Placement, PointKind, Provenance, Rule, Rulebook, RulebookId, Scope, Service, SourceId, Span, Tier,
    Transport,
};
use std::net::Ipv4Addr;

/// What becomes of the packets that a rule matches, for the file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Actions {
    /// Seven of ten rules allow and the others deny, drawn from their numbers and nothing else.
    #[default]
    Drawn,
    /// Every rule allows: what no rule matches is denied.
    AllAllow,
}

impl Actions {
    /// The action of the rule of a number, counted from 0.
    pub fn of(self, rule: u32) -> Action {
        match self {
            Actions::AllAllow => Action::Allow,
            Actions::Drawn => {
                // SplitMix64 (Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, 2014).
                let mut mixed = u64::from(rule).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
                if (mixed ^ mixed >> 31) % 10 < 7 { Action::Allow } else { Action::Deny }
            }
        }
    }

    fn assumption(self) -> &'static str {
        match self {
            Actions::Drawn => "the rule set says no actions: seven of ten rules allow, drawn from their numbers",
            Actions::AllAllow => "the rule set says no actions: every rule allows",
        }
    }
}

/// The most rules of a set that are read.
pub const RULES_MAX: usize = 1_000_000;

/// The most errors of one file that are listed.
const ERRORS_MAX: usize = 100;

/// True for the text of a rule set: its first line that is neither empty nor a comment starts as a rule does.
pub fn is_rule_set(text: &str) -> bool {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.strip_prefix('@').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())))
}

/// Reads a rule set.
///
/// # Errors
/// Every line that is not a rule, with the place of what is wrong in it, and files without rules or with more than
/// [`RULES_MAX`].
pub fn read(file: &File, actions: Actions) -> Result<Reading, Rejected> {
    let mut diagnostics = Vec::new();
    let (mut rules, mut flags, mut empty) = (Vec::new(), None, 0);
    let lines = (1u32..).zip(file.text.trim_start_matches('\u{feff}').lines());
    for (number, text) in lines.filter(|(_, text)| !text.trim().is_empty() && !text.trim_start().starts_with('#')) {
        let place = |column: u32| Some(Span { source: SourceId(0), line: number, column });
        match line::parse(text) {
            Ok(line) => {
                if let Some(column) = line.flags {
                    let (first, count) = flags.unwrap_or((place(column), 0usize));
                    flags = Some((first, count + 1));
                }
                let rule = rule(&line, rules.len(), actions, place(1));
                empty += usize::from(rule.services.is_empty());
                rules.push(rule);
            }
            Err(Trouble { column, message, help }) => {
                diagnostics.push(Diagnostic::error("invalid-rule", message, place(column)).with_help(help));
            }
        }
        if diagnostics.len() >= ERRORS_MAX || rules.len() > RULES_MAX {
            break;
        }
    }
    if rules.len() > RULES_MAX {
        let message = format!("the rule set has more than {RULES_MAX} rules");
        diagnostics.push(Diagnostic::error("too-large", message, None).with_help("split it"));
    }
    if rules.is_empty() && diagnostics.is_empty() {
        let help = "write a rule a line: `@10.0.0.0/8 0.0.0.0/0 0 : 65535 443 : 443 0x06/0xFF`";
        diagnostics.push(Diagnostic::error("nothing-to-read", "there are no rules in the input", None).with_help(help));
    }
    let sources = vec![file.source()];
    if !diagnostics.is_empty() {
        return Err(Rejected { diagnostics, sources });
    }
    if let Some((first, count)) = flags {
        let message = "TCP flags are not looked at: the rule is taken for packets with any";
        diagnostics.push(Diagnostic::note("flags-ignored", message, first).with_among(count, "rules with flags"));
    }
    if empty > 0 {
        let message = format!("{empty} rules want ports of protocols that have none, and match nothing");
        diagnostics.push(Diagnostic::note("matches-nothing", message, None));
    }
    Ok(Reading { draft: draft(rules, flags.is_some(), sources, actions), diagnostics })
}

fn draft(rules: Vec<Rule>, has_flags: bool, sources: Vec<seglab_policy::Source>, actions: Actions) -> Draft {
    let tier = Tier {
        name: "rules".to_owned(),
        order: Order::FirstMatch,
        scope: Scope::Everything,
        otherwise: Action::Deny,
        rules,
    };
    let book = Rulebook { name: "rule set".to_owned(), tiers: vec![tier], default_allow: false, stateful: true };
    let point = EnforcementPoint {
        kind: PointKind::Appliance,
        placement: Placement::Between(seglab_policy::Level::Zone),
        directions: Directions::only(seglab_policy::Direction::Forward),
        mode: Mode::Enforce,
        ..EnforcementPoint::ideal("filter", RulebookId(0))
    };
    let assumption = |id: &str, text: &str| Assumption { id: id.to_owned(), text: text.to_owned() };
    let mut assumptions = vec![assumption("actions-not-in-the-file", actions.assumption())];
    if has_flags {
        assumptions.push(assumption("flags-ignored", "rules are taken for packets with any TCP flags"));
    }
    Draft {
        name: "rule set".to_owned(),
        sources,
        rulebooks: vec![book],
        points: vec![point],
        assumptions,
        ..Draft::default()
    }
}

fn rule(line: &Line, number: usize, actions: Actions, span: Option<Span>) -> Rule {
    let peer = |(first, last): (u32, u32)| {
        let set = AddressSet::from_range(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(last).into());
        Peer::Addresses { set, covers: Covers::All }
    };
    Rule {
        directions: Directions::ALL,
        from: peer(line.source),
        to: peer(line.destination),
        services: services(line),
        action: actions.of(u32::try_from(number).unwrap_or(u32::MAX)),
        priority: 0,
        provenance: Provenance { span, ..Provenance::default() },
    }
}

/// The services of a line; none where no packet has such ports.
fn services(line: &Line) -> Vec<Service> {
    let (from, to) = (line.source_ports, line.destination_ports);
    let ports = |protocol| Service::Ports {
        protocol,
        ports: IntervalSet::from_ranges([to]),
        source_ports: IntervalSet::from_ranges([from]),
    };
    let all = (0, u16::MAX);
    // Without ports a packet has the port 0 at both ends.
    let portless = from.0 == 0 && to.0 == 0;
    let of = |number: u8| match Transport::ALL.into_iter().find(|transport| transport.number() == number) {
        Some(transport) => Some(ports(transport)),
        None => portless.then(|| Service::protocol(number)),
    };
    match line.protocol {
        Some(number) => of(number).filter(is_of_v4).into_iter().collect(),
        None if from == all && to == all => vec![Service::Any],
        None => (0..=u8::MAX).filter_map(of).filter(is_of_v4).collect(),
    }
}

/// False for the messages of the other family, which no IPv4 packet carries.
fn is_of_v4(service: &Service) -> bool {
    !matches!(service, Service::Icmp { family: Family::V6, .. })
}
