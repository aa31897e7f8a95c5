//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use seglab_formats::text;
use seglab_scenarios::generate;
use seglab_sim::models::sensitivity::{Parameter, Quantity, Range};
use seglab_sim::models::{self, Chunk};
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// A simulation and verification lab for segmentation designs.
///
/// DESIGN is a lab file (seglab.yaml), a folder or file of Kubernetes manifests, a NASim scenario, or `-` for standard input:
/// `helm template . | seglab verify -`.
///
/// Exit codes: 0 every property holds; 1 one is violated; 2 the command line or the input is wrong; 3 undecided.
#[derive(Debug, Parser)]
#[command(name = "seglab", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Write phases, peak memory and counts as JSON
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) timings: Option<PathBuf>,
    /// Keep warnings and notes about the input to yourself
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented lab file beside existing manifests
    Init(Init),
    /// List the connections that are allowed
    Reach(Reach),
    /// List entries and exits of each unit
    Surface(Surface),
    /// Say whether one connection is allowed, and which rule decides at each point
    Explain(Explain),
    /// Check the design's properties and needs: the gate
    Verify(Verify),
    /// Re-check certificates with the independent checker
    Check(Check),
    /// Say what may connect, and what an attacker may own, in one design and not in the other
    Diff(Diff),
    /// Find the least edit of the rules that makes everything hold, as a patch
    Repair(Repair),
    /// Find the attacker's best plans to each critical unit
    Paths(Paths),
    /// Let the declared attacker loose, many times over
    Simulate(Simulate),
    /// Simulate several designs under the same chance events
    Compare(Compare),
    /// Put the chunks of a simulation together
    Reduce(Reduce),
    /// Measure how fast the rule engine decides this policy on this machine
    Bench(Bench),
    /// Write everything as an audit report: HTML, Markdown, JSON, SARIF, JUnit
    Report(Report),
    /// Write a large realistic design
    Generate(Generate),
    /// Print the JSON Schema of the lab file
    Schema,
}

/// The design, and what is assumed of it.
#[derive(Debug, Args)]
pub(crate) struct Design {
    /// Lab file, folder or file of manifests, or `-`
    #[arg(value_name = "DESIGN")]
    pub(crate) path: String,
    /// Ask about every declared point as if it enforced, whatever its mode
    #[arg(long)]
    pub(crate) as_if_enforced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrustArg {
    /// Every point holds
    Intact,
    /// An owned unit's own agent enforces nothing
    OwnAgentVoid,
    /// Also: no point holds whose policy a controller distributes
    ControllerVoid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PivotArg {
    /// Every allowed connection outward
    Any,
    /// Services that listen
    Service,
    /// A fitting vulnerability or credential
    Exploitable,
    /// Clients of an owned unit fall too
    EitherWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewArg {
    /// Any port that policy lets through
    Policy,
    /// Also: the destination listens there
    Service,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder of manifests
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Where to write; by default `seglab.yaml` in the folder
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReachFormat {
    Text,
    Csv,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Reach {
    #[command(flatten)]
    pub(crate) design: Design,
    /// Output format; csv is rows alone, the other two say what made them, from which bytes
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ReachFormat,
    /// Follow connections on from unit to unit under this pivot model
    #[arg(long, value_enum, value_name = "PIVOT", num_args = 0..=1, default_missing_value = "any")]
    pub(crate) lateral: Option<PivotArg>,
    /// Only from these: a selector, unit, segment or address range
    #[arg(long, value_name = "PEER")]
    pub(crate) from: Option<String>,
    /// Only to these
    #[arg(long, value_name = "PEER")]
    pub(crate) to: Option<String>,
    /// Which ports count
    #[arg(long, value_enum, default_value = "policy")]
    pub(crate) view: ViewArg,
    /// Which enforcement still stands at an owned source
    #[arg(long, value_enum, default_value = "intact")]
    pub(crate) trust: TrustArg,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TableFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct Surface {
    #[command(flatten)]
    pub(crate) design: Design,
    /// The design before a change: shows both, and what differs
    #[arg(long, value_name = "OLD")]
    pub(crate) against: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) design: Design,
    /// Who opens the connection: a unit, an address, or an external source
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) from: String,
    /// To whom
    #[arg(long, value_name = "ENDPOINT")]
    pub(crate) to: String,
    /// The service: tcp/443, udp/53, icmp/8/0, proto/50
    #[arg(long, value_name = "SERVICE")]
    pub(crate) port: String,
    /// Which enforcement still stands, the source being owned
    #[arg(long, value_enum, default_value = "intact")]
    pub(crate) trust: TrustArg,
    #[command(flatten)]
    pub(crate) solver: Solver,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyFormat {
    Text,
    Json,
    Sarif,
    Junit,
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) design: Design,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: VerifyFormat,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Ask Z3 for a second opinion on every verdict: `auto` does so for up to 100 units
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, default_value = "auto", default_missing_value = "always")]
    pub(crate) cross_check: When,
    #[command(flatten)]
    pub(crate) solver: Solver,
    /// Also write a certificate of everything that holds, for `seglab check` and for others
    #[arg(long, value_name = "DIR")]
    pub(crate) certificates: Option<PathBuf>,
    /// Also write what everything that holds rests on in SMT-LIB 2: scripts that any solver answers with `unsat`
    #[arg(long, value_name = "DIR")]
    pub(crate) smtlib: Option<PathBuf>,
    /// Stay, and after every change of the files print the verdicts that turned; until Ctrl-C, or, where standard input
    /// is no terminal, until that ends
    #[arg(long, conflicts_with_all = ["format", "output", "cross_check", "certificates", "smtlib", "write_baseline"])]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) gate: Gate,
}

/// What Z3 may spend.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Solver {
    /// What Z3 may spend on each question, and on a repair in all: its resource units, the same on every machine
    #[arg(long, value_name = "N", default_value_t = 200_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rlimit: u32,
}

/// What the gate lets pass.
#[derive(Debug, Default, Args)]
pub(crate) struct Gate {
    /// Fail on what this file does not have: findings that were there before pass, and what is fixed is reported
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write what is found, and pass; with `--baseline`, that baseline without what is fixed, and nothing new
    #[arg(long, value_name = "FILE")]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Waivers, beside those of the lab file: `seglab: 1` and `waivers: [...]`
    #[arg(long, value_name = "FILE")]
    pub(crate) waivers: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) day: Day,
}

/// On which day.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Day {
    /// The day on which waivers and trust are looked at, as 2027-01-31; the system's by default
    #[arg(long, value_name = "DATE")]
    pub(crate) today: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) design: Design,
    /// The folder that `seglab verify --certificates` wrote
    #[arg(long, value_name = "DIR")]
    pub(crate) certificates: PathBuf,
    /// So many rules are printed beside their source lines
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) rules: usize,
    /// Seed of the drawing of rules
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Something is possible that was not
    Gained,
    /// Something is no longer possible
    Lost,
    /// Either, or the reply to a connection fares otherwise
    Any,
}

/// The formats of the two may differ. Exit codes: 0 nothing fails; 1 a change that `--fail-on` names; 2 wrong input;
/// 3 undecided, because something is unknown in either design.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// Two designs, the old one first; or with `--rev` one path, in a git repository
    #[arg(value_name = "DESIGN", num_args = 1..=2, required = true)]
    pub(crate) paths: Vec<String>,
    /// Compare revisions of the path: A..B, A...B (from where they parted), or A (with what is there now)
    #[arg(long, value_name = "REV")]
    pub(crate) rev: Option<String>,
    /// Compare what an attacker may own, too
    #[arg(long)]
    pub(crate) lateral: bool,
    /// Under these pivot models, separated by commas; implies --lateral [default: any]
    #[arg(long, value_enum, value_name = "PIVOT", value_delimiter = ',')]
    pub(crate) pivot: Vec<PivotArg>,
    /// The most connections that an attacker strings together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) hops: Option<u32>,
    /// Which ports count
    #[arg(long, value_enum, default_value = "policy")]
    pub(crate) view: ViewArg,
    /// Which enforcement still stands at an owned unit [default: intact for direct connections, own-agent-void for
    /// lateral movement]
    #[arg(long, value_enum)]
    pub(crate) trust: Option<TrustArg>,
    /// Ask about every declared point as if it enforced, whatever its mode
    #[arg(long)]
    pub(crate) as_if_enforced: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: DiffFormat,
    /// End with 1 if there is such a change
    #[arg(long, value_enum, value_name = "CHANGE")]
    pub(crate) fail_on: Option<FailOn>,
    /// List so many changes of each kind, the largest first; all of them are counted
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub(crate) limit: u32,
}

/// Rules are removed, narrowed or added; the fewest such edits, then the fewest connections changed. The patch is read
/// back and verified before it is shown.
///
/// Exit codes: 0 nothing to repair; 1 the design is violated, and the least repair is shown, or it is proven that
/// there is none; 2 wrong input; 3 undecided: a limit was reached, so that a repair that is shown may not be the least.
#[derive(Debug, Args)]
pub(crate) struct Repair {
    #[command(flatten)]
    pub(crate) design: Design,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
    /// Write the patch to a file, for `patch -p1` or `git apply`
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) solver: Solver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TrafficArg {
    /// None
    Off,
    /// Some flows of each need, and the load of servers from rates
    Sampled,
    /// Every request, event by event
    EveryRequest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ObjectiveArg {
    /// The number of actions
    FewestActions,
    /// What the actions cost, if each works at once
    LeastCost,
    /// What they cost in expectation, each tried until it works
    ExpectedCost,
    /// How long they take in expectation, one after the other
    ExpectedTime,
}

/// All four numbers are found for each critical unit and for all of them together; the plan that is shown is the best by one.
///
/// Exit codes: 0 every plan is the best there is, or there is none; 2 wrong input; 3 undecided: the search was cut short,
/// or a connection that matters is unknown, so that a bound is shown beside a number.
#[derive(Debug, Args)]
pub(crate) struct Paths {
    #[command(flatten)]
    pub(crate) design: Design,
    /// What makes a plan good
    #[arg(long, value_enum, default_value = "expected-cost")]
    pub(crate) objective: ObjectiveArg,
    /// Where the attacker starts: units, or `internet` [default: the attacker's foothold, or the internet if none is declared]
    #[arg(long, value_name = "PEER")]
    pub(crate) from: Option<String>,
    /// What it is after [default: every critical unit]
    #[arg(long, value_name = "UNITS")]
    pub(crate) to: Option<String>,
    /// The attacker whose foothold, probabilities and times count [default: the first that is declared]
    #[arg(long, value_name = "NAME")]
    pub(crate) attacker: Option<String>,
    /// What it takes to own the next unit
    #[arg(long, value_enum, default_value = "exploitable")]
    pub(crate) pivot: PivotArg,
    /// Which enforcement still stands at owned units
    #[arg(long, value_enum, default_value = "own-agent-void")]
    pub(crate) trust: TrustArg,
    /// What the search for one plan may take, as looks at an action; past it a bound is shown
    #[arg(long, value_name = "N", default_value_t = 200_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) effort: u64,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: DiffFormat,
}

/// The settings of a campaign.
#[derive(Debug, Args)]
pub(crate) struct Campaign {
    /// Replicas
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) replicas: u32,
    /// Seed of every draw
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Simulated time of one replica: 24h, 7d
    #[arg(long, default_value = "7d", value_name = "DURATION")]
    pub(crate) horizon: String,
    /// Stop as soon as the chance that a critical unit is owned is known to this much to each side: 0.01, one percentage point;
    /// `--replicas` is then the most
    #[arg(long, value_name = "HALF-WIDTH")]
    pub(crate) precision: Option<f64>,
    /// How the business' traffic is played: some flows of each need, or every request with its queues and time-outs
    #[arg(long, value_enum, default_value = "sampled")]
    pub(crate) traffic: TrafficArg,
    /// Numbers about the world in place of the defaults: how fast attackers scan, what agents take; see docs/calibration.md
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration: Option<PathBuf>,
    /// Play every attempt one by one, also where nothing can come of it but an alert: slower, and the same distribution
    #[arg(long)]
    pub(crate) every_probe: bool,
    /// Draw the order of simultaneous events, to see that no result hangs on it
    #[arg(long)]
    pub(crate) shuffle_ties: bool,
    /// Worker threads; the result is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
}

/// A search for attacks that hardly ever succeed.
#[derive(Debug, Args)]
pub(crate) struct Rare {
    /// Only how likely it is that the attack succeeds at all, also where that is very rare: runs that come near the first
    /// critical unit, or near the strike of ransomware, are split
    #[arg(long, conflicts_with_all = ["parquet", "replicas", "precision", "traffic"])]
    rare: bool,
    /// Runs that start at each level of a search for rare attacks
    #[arg(long, requires = "rare", default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    starts: u32,
    /// Independent repetitions of that search, whose spread says how sure its result is
    #[arg(long, requires = "rare", default_value_t = models::Rare::REPETITIONS_MIN, value_name = "N", value_parser = clap::value_parser!(u32).range(i64::from(models::Rare::REPETITIONS_MIN)..=1_000))]
    repetitions: u32,
}

impl Rare {
    /// How hard rare attacks are looked for, if they are at all.
    pub(crate) fn wanted(&self) -> Option<models::Rare> {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let effort = models::Rare { starts: positive(self.starts), repetitions: positive(self.repetitions) };
        self.rare.then_some(effort)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) design: Design,
    #[command(flatten)]
    pub(crate) campaign: Campaign,
    /// Output format
    #[arg(long, value_enum, default_value = "text", conflicts_with = "chunk")]
    pub(crate) format: TableFormat,
    /// Simulate only chunk I of N, for `seglab reduce` to put together with the others
    #[arg(long, value_name = "I/N", value_parser = chunk, requires = "output", conflicts_with_all = ["precision", "rare"])]
    pub(crate) chunk: Option<Chunk>,
    /// Also write every replica as a row of a Parquet file
    #[arg(long, value_name = "FILE", conflicts_with = "chunk")]
    pub(crate) parquet: Option<PathBuf>,
    /// Where to write the chunk
    #[arg(long, short, value_name = "FILE", requires = "chunk")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rare: Rare,
}

/// `3/8` as the third of eight chunks.
fn chunk(text: &str) -> Result<Chunk, String> {
    let (index, of) = text.split_once('/').ok_or("write it as 3/8, the third of eight")?;
    let number = |text: &str| text.parse().map_err(|_| format!("`{text}` is no number of chunks"));
    Chunk::new(number(index)?, number(of)?).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Reduce {
    /// The files of all chunks, in any order
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Also write every replica as a row of a Parquet file
    #[arg(long, value_name = "FILE")]
    pub(crate) parquet: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
}

#[derive(Debug, Args)]
// A report has no `--rare`, so what it shares with this cannot name it.
#[command(mut_arg("sensitivity", |sensitivity| sensitivity.conflicts_with("rare")))]
pub(crate) struct Compare {
    /// Two designs or more; the first is the baseline
    #[arg(value_name = "DESIGN", num_args = 2.., required = true)]
    pub(crate) paths: Vec<String>,
    #[command(flatten)]
    pub(crate) campaign: Campaign,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
    /// Also write every replica of every design as a row of a Parquet file
    #[arg(long, value_name = "FILE")]
    pub(crate) parquet: Option<PathBuf>,
    /// Also write one picture of all designs: blast radius against broken needs
    #[arg(long, value_name = "FILE.svg", conflicts_with = "rare")]
    pub(crate) plot: Option<PathBuf>,
    /// Also draw what each range of `--vary` does to the ratio between designs
    #[arg(long, value_name = "FILE.svg", requires = "sensitivity")]
    pub(crate) tornado: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) rare: Rare,
    #[command(flatten)]
    pub(crate) varied: Sensitivity,
}

#[derive(Debug, Args)]
pub(crate) struct Sensitivity {
    /// Also play the attack with less detection, and with both ends of every range of `--vary`
    #[arg(long)]
    pub(crate) sensitivity: bool,
    /// A range of a number that nobody knows: exploit-probability=0.1..0.9, response=10min..8h
    #[arg(long, value_name = "PARAMETER=LOW..HIGH", value_parser = range, requires = "sensitivity")]
    pub(crate) vary: Vec<Range>,
}

/// `response=10min..8h` as a range of the parameter.
fn range(text: &str) -> Result<Range, String> {
    let wanted = "write it as response=10min..8h";
    let (name, ends) = text.split_once('=').ok_or(wanted)?;
    let Some(parameter) = Parameter::ALL.into_iter().find(|parameter| parameter.name() == name) else {
        let names = Parameter::ALL.map(Parameter::name).join(", ");
        return Err(format!("`{name}` cannot be varied: name one of {names}"));
    };
    let (low, high) = ends.split_once("..").ok_or(wanted)?;
    let value = |text: &str| match parameter.quantity() {
        Quantity::Rate => text::rate_per_second(text).map_err(|error| error.to_string()),
        Quantity::Time => text::duration_ns(text).map(|ns| ns as f64).map_err(|error| error.to_string()),
        Quantity::Probability => match text.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
            _ => Err(format!("`{text}` is no probability: write a number from 0 to 1")),
        },
    };
    let ends = [value(low)?, value(high)?];
    if ends[0] < ends[1] { Ok(Range { parameter, ends }) } else { Err(format!("`{low}` is not below `{high}`")) }
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) design: Design,
    /// Connections in the workload
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(crate) connections: u32,
    /// Seed of the workload
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Also replay flow records: CSV with the columns srcaddr, dstaddr, protocol, srcport and dstport, or as collectors
    /// name them
    #[arg(long, value_name = "FILE")]
    pub(crate) flows: Option<PathBuf>,
    /// Memory that the tables of an address family may take, in MB; past it there are slower ones, or none
    #[arg(long, default_value_t = 1024, value_name = "MB", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) memory: u32,
    /// Also draw the rates, as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TableFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) design: Design,
    /// Further designs to compare with
    #[arg(long, value_name = "DESIGN")]
    pub(crate) against: Vec<String>,
    /// Folder to write to
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) day: Day,
    #[command(flatten)]
    pub(crate) campaign: Campaign,
    #[command(flatten)]
    pub(crate) varied: Sensitivity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GenerateFormat {
    /// One lab file
    Native,
    /// Manifests, one file a namespace; hypervisors are the cluster's nodes, which no manifest declares
    Kubernetes,
}

const UNITS: RangeInclusive<i64> = generate::UNITS_MIN as i64..=generate::UNITS_MAX as i64;
const RULES: RangeInclusive<i64> = generate::RULES_MIN as i64..=generate::RULES_MAX as i64;

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// Units, 20 to 1,000,000; of manifests, the pods and the nodes that they run on, which no manifest declares (about
    /// one unit in fifty)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(UNITS))]
    pub(crate) units: u32,
    /// Rules, 40 to 1,000,000; of manifests, a measure of how many calls between apps their policies allow
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u32).range(RULES))]
    pub(crate) rules: u32,
    /// Seed
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// What to write
    #[arg(long, value_enum, default_value = "native")]
    pub(crate) to: GenerateFormat,
    /// Folder to write to
    #[arg(long, short, value_name = "DIR")]
    pub(crate) output: PathBuf,
}
