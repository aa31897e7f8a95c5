//! The lab file as it is written: what serde reads, and what the JSON Schema describes.
//!
//! Texts stay texts here; [`merge`](super::merge) reads them once it knows the units and segments that they speak of.

use super::at::{At, Entries, ListOr, ListOrFile, Text, TextOr, Texts};
use super::controllers::ControllerDoc;
use super::load::LoadDoc;
use super::moves::MovementDoc;
use super::operation::{FailsDoc, GapsDoc};
use super::property_document::PropertyDoc;
use super::releases::{ApprovalDoc, ReleaseDoc};
use super::tradecraft::TradecraftDoc;
use super::waivers::WaiverDoc;
use schemars::JsonSchema;
use serde::Deserialize;

/// A segmentation design: its units, its policy, how the policy is enforced, and what is asked of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    /// The version of the lab file: 1.
    pub(super) seglab: At<u32>,
    /// The name of the design; the file's own name where it is absent.
    pub(super) name: Option<String>,
    /// Other files that the design is made of.
    #[serde(default)]
    pub(super) sources: Vec<At<SourceDoc>>,
    /// The units, or the path of a CSV file with one a line.
    pub(super) units: Option<At<ListOrFile<At<UnitDoc>>>>,
    /// Named sources of connections outside the design, such as an ingress controller.
    #[serde(default)]
    pub(super) external_sources: Vec<At<ExternalSourceDoc>>,
    /// Pairs of address spaces between which connections are carried untranslated, both ways.
    #[serde(default)]
    pub(super) routes: Vec<At<Vec<String>>>,
    /// Named selectors; each may use those above it.
    #[serde(default)]
    pub(super) segments: Entries<Text>,
    /// The rulebook called `policy`: deny overrides allow, and what no rule allows is denied.
    pub(super) policy: Option<At<Vec<At<RuleDoc>>>>,
    /// Further rulebooks, by name.
    #[serde(default)]
    pub(super) policies: Entries<At<ListOr<At<RuleDoc>, RulebookDoc>>>,
    /// What enforces which rulebook where; absent, an ideal point at every unit enforces `policy`.
    pub(super) enforcement: Option<Vec<At<PointDoc>>>,
    /// What distributes policy to the points that name it, and when it is out.
    #[serde(default)]
    pub(super) controllers: Vec<At<ControllerDoc>>,
    /// What answers on units' ports, how fast, and what it needs to do so: the parts of applications.
    #[serde(default)]
    pub(super) services: Vec<At<ServiceDoc>>,
    /// The flows that must work.
    #[serde(default)]
    pub(super) needs: Vec<At<NeedDoc>>,
    /// The claims to settle.
    #[serde(default)]
    pub(super) properties: Vec<At<PropertyDoc>>,
    /// Units assumed to be out of attackers' reach.
    #[serde(default)]
    pub(super) trusted: Vec<At<TrustedDoc>>,
    /// Violations that somebody answers for until a day.
    #[serde(default)]
    pub(super) waivers: Vec<At<WaiverDoc>>,
    /// The attackers to simulate.
    #[serde(default)]
    pub(super) attackers: Vec<At<AttackerDoc>>,
    /// What watches the network.
    pub(super) monitor: Option<At<MonitorDoc>>,
    /// What attacks take and give, whoever attacks.
    pub(super) tradecraft: Option<TradecraftDoc>,
    /// Units that move while the design is at work.
    #[serde(default)]
    pub(super) moves: Vec<At<MovementDoc>>,
    /// Applications that change on a date, and the rules that are written for them.
    #[serde(default)]
    pub(super) releases: Vec<At<ReleaseDoc>>,
    /// How those rules come into force; on the date where it is absent.
    pub(super) approval: Option<At<ApprovalDoc>>,
    /// Kinds of foreign objects that are left out of the model on purpose.
    #[serde(default)]
    pub(super) ignore: Vec<At<IgnoreDoc>>,
    /// What the results rest on beyond what seglab says itself.
    #[serde(default)]
    pub(super) assumptions: Vec<At<AssumptionDoc>>,
    /// What is known to be missing from the model: the verdicts that it touches are unknown.
    #[serde(default)]
    pub(super) unmodelled: Vec<At<UnmodelledDoc>>,
}

/// A file or folder that is part of the design; paths are relative to this file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SourceDoc {
    /// Kubernetes manifests: a file or a folder, or a mapping that also says how the cluster reads them. Several are one
    /// cluster.
    Kubernetes(At<TextOr<KubernetesDoc>>),
    /// Another lab file, whose parts are all taken over.
    Lab(Text),
}

/// Kubernetes manifests, and what they do not say of the cluster: `{path: manifests/, ip-blocks: all}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct KubernetesDoc {
    /// The file or folder.
    pub(super) path: Text,
    /// Whom the network plug-in takes the address ranges (`ipBlock`) of NetworkPolicy to speak of: `external`, the
    /// addresses outside the cluster only, or `all`, pods by their addresses too; external where it is absent.
    pub(super) ip_blocks: Option<Text>,
    /// The range that the cluster draws its pods' addresses within, one for each family: `10.244.0.0/16`; unknown
    /// where it is absent.
    pub(super) pod_addresses: Option<Texts>,
}

/// A unit, or several replicas of one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UnitDoc {
    /// The name, unique in the design.
    pub(super) name: Text,
    /// Whom it is printed under, together with others of one owner.
    pub(super) owner: Option<String>,
    /// Labels: key to value.
    #[serde(default)]
    pub(super) labels: Entries<String>,
    /// Addresses; a CIDR block says that the address is drawn within it. None: one unknown IPv4 address.
    #[serde(default)]
    pub(super) addresses: Vec<Text>,
    /// The address space of all addresses: VPC, VRF, cluster.
    pub(super) space: Option<String>,
    /// The site of all addresses.
    pub(super) site: Option<String>,
    /// The zone of all addresses.
    pub(super) zone: Option<String>,
    /// The subnet of all addresses.
    pub(super) subnet: Option<String>,
    /// The addresses are shared with other units on purpose (host network, address translation).
    pub(super) shared: Option<bool>,
    /// The long form, in place of `addresses`.
    pub(super) interfaces: Option<Vec<At<InterfaceDoc>>>,
    /// How many replicas there are: `name#1` to `name#N`, owned by `name`.
    pub(super) replicas: Option<At<u32>>,
    /// What it listens on: `tcp/443`, `{port: tcp/8080, name: http}`, `tcp/30000-30100`.
    #[serde(default)]
    pub(super) listens: Vec<At<TextOr<ListenerDoc>>>,
    /// The unit that it runs on.
    pub(super) host: Option<String>,
    /// How much its loss costs; 0 for a unit that is not critical.
    #[serde(default)]
    pub(super) critical: u32,
    /// The software image.
    pub(super) image: Option<String>,
    /// Weaknesses through which it can be taken.
    #[serde(default)]
    pub(super) vulnerabilities: Vec<At<VulnerabilityDoc>>,
    /// Credentials that whoever owns the unit holds.
    #[serde(default)]
    pub(super) credentials: Vec<String>,
    /// Credentials with which it can be taken.
    #[serde(default)]
    pub(super) logins: Vec<At<LoginDoc>>,
    /// Whether an agent can be installed on it; yes where it is absent.
    pub(super) agent: Option<bool>,
    /// Paths from and to external endpoints: `none`, `inbound`, `outbound` or `both`; both where it is absent.
    pub(super) reachable: Option<Text>,
}

/// One address of a unit and where it stands; what is absent is taken from the unit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct InterfaceDoc {
    /// An address, a block that it is drawn within, `unknown IPv4` or `unknown IPv6`.
    pub(super) address: Option<Text>,
    /// The address space.
    pub(super) space: Option<String>,
    /// The site.
    pub(super) site: Option<String>,
    /// The zone.
    pub(super) zone: Option<String>,
    /// The subnet.
    pub(super) subnet: Option<String>,
    /// The address is shared with other units on purpose.
    pub(super) shared: Option<bool>,
    /// Some path carries connections from external endpoints to it.
    pub(super) inbound: Option<bool>,
    /// Some path carries connections from it to external endpoints.
    pub(super) outbound: Option<bool>,
}

/// A port with the name that rules may know it by.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ListenerDoc {
    /// The port: `tcp/8080`.
    pub(super) port: Text,
    /// Its name.
    pub(super) name: Option<String>,
}

/// A weakness of a service.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VulnerabilityDoc {
    /// Its name, such as a CVE id.
    pub(super) name: String,
    /// The service that has it: `tcp/443`.
    pub(super) service: Text,
}

/// A credential that a service takes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LoginDoc {
    /// The credential.
    pub(super) credential: String,
    /// The service that takes it: `tcp/22`.
    pub(super) service: Text,
}

/// A named source of connections outside the design.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExternalSourceDoc {
    /// The name, unique in the design.
    pub(super) name: String,
    /// The labels that are known of it.
    #[serde(default)]
    pub(super) labels: Entries<String>,
    /// What it has paths to.
    pub(super) entries: Vec<At<EntryDoc>>,
}

/// A path from an external source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct EntryDoc {
    /// The units: a selector.
    pub(super) to: Text,
    /// Their service that the path carries.
    pub(super) service: Option<Texts>,
    /// Several of them.
    pub(super) services: Option<Texts>,
}

/// A rule: exactly one of `allow`, `deny` and `pass`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RuleDoc {
    /// Let these connections through.
    pub(super) allow: Option<MatchDoc>,
    /// Stop these connections.
    pub(super) deny: Option<MatchDoc>,
    /// Leave these connections to the next tier.
    pub(super) pass: Option<MatchDoc>,
    /// In a first-match tier the smaller goes first.
    pub(super) priority: Option<i64>,
    /// Where the rule is asked: `egress`, `ingress`, `forward`; everywhere where it is absent.
    pub(super) at: Option<Texts>,
}

/// The connections that a rule speaks of.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MatchDoc {
    /// Who opens them: `any`, `internet`, addresses, a segment, a unit or a selector.
    pub(super) from: Texts,
    /// To whom.
    pub(super) to: Texts,
    /// On which service; any where it is absent.
    pub(super) service: Option<Texts>,
    /// On which services.
    pub(super) services: Option<Texts>,
    /// Why the rule is there.
    pub(super) reason: Option<String>,
    /// Who answers for it.
    pub(super) owner: Option<String>,
    /// The change that brought it.
    pub(super) ticket: Option<String>,
    /// The object that it is part of; rules of one object are in a defined order.
    pub(super) object: Option<String>,
}

/// A rulebook of several tiers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RulebookDoc {
    /// Replies to allowed connections pass unjudged; yes where it is absent.
    pub(super) stateful: Option<bool>,
    /// What happens after the last tier: `allow` or `deny`; deny where it is absent.
    pub(super) default: Option<Text>,
    /// The tiers, in the order in which they judge.
    pub(super) tiers: Vec<At<TierDoc>>,
}

/// Rules with one evaluation order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TierDoc {
    /// The name, unique in the rulebook.
    pub(super) name: String,
    /// `first-match`, `first-match-undefined-ties`, `deny-overrides` or `allow-union`; deny-overrides where absent.
    pub(super) order: Option<Text>,
    /// The units that the tier speaks of; every connection where it is absent.
    pub(super) scope: Option<ScopeDoc>,
    /// What happens in scope when no rule decides: `pass`, `deny` or `allow`; pass where it is absent.
    pub(super) otherwise: Option<Text>,
    /// The rules.
    #[serde(default)]
    pub(super) rules: Vec<At<RuleDoc>>,
}

/// The units that a tier speaks of, direction by direction.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ScopeDoc {
    /// Selectors of sources.
    pub(super) egress: Option<Texts>,
    /// Selectors of destinations.
    pub(super) ingress: Option<Texts>,
}

/// An enforcement point, by its kind.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PointDoc {
    /// Privileged software in the unit; void when the unit is owned.
    Agent(PlacementDoc),
    /// The hypervisor or the node's network plug-in; void only when the host is owned.
    Host(PlacementDoc),
    /// A device on a link between places.
    Appliance(PlacementDoc),
    /// The cloud's virtual interface.
    Cloud(PlacementDoc),
}

/// Where a point stands and what it carries: exactly one of `on`, `between` and `around`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PlacementDoc {
    /// The name, unique in the design.
    pub(super) name: Option<String>,
    /// At each unit that the selector selects.
    pub(super) on: Option<Text>,
    /// On every link between two different places of a level: `site`, `zone` or `subnet`.
    pub(super) between: Option<Text>,
    /// On the edge of one place: `{zone: dmz}`.
    pub(super) around: Option<At<Entries<String>>>,
    /// The directions it judges; all that its placement meets where it is absent.
    pub(super) at: Option<Texts>,
    /// `off`, `listen`, `alert` or `enforce`; enforce where it is absent.
    pub(super) mode: Option<Text>,
    /// What it does with what it denies: `drop`, so that whoever connects waits until it gives up, or `reject`; drop where
    /// it is absent.
    pub(super) deny_by: Option<Text>,
    /// The rulebook that it carries; `policy` where it is absent.
    pub(super) policy: Option<Text>,
    /// What distributes the policy to it.
    pub(super) controller: Option<String>,
    /// The chance that it is in place at one of its units, 0 to 1; at all of them where it is absent.
    pub(super) coverage: Option<At<f64>>,
    /// What strikes several units at once of where it is not in place.
    pub(super) gaps: Option<At<GapsDoc>>,
    /// How it fails where it is in place; never where it is absent.
    pub(super) fails: Option<At<FailsDoc>>,
    /// The mean time until it knows of a unit that has moved, or has the rules of a release; at once where it is absent.
    pub(super) update_delay: Option<Text>,
    /// How many changes its API takes, one after the other: `20/min`; any number at once where it is absent.
    pub(super) updates: Option<Text>,
    /// Of an agent or an appliance: what it takes, and how much it can do; what is absent the calibration says.
    pub(super) load: Option<At<LoadDoc>>,
    /// Connections between a unit and its own host go unjudged.
    #[serde(default)]
    pub(super) exempts_host: bool,
}

/// What answers on a port of some units, each unit for itself. Its name may stand for the units wherever a selector may,
/// and in needs for the port, too.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ServiceDoc {
    /// The name, unique in the design.
    pub(super) name: Text,
    /// The units: a selector.
    pub(super) on: Text,
    /// The port: `tcp/443`.
    pub(super) port: Text,
    /// How long the work on a request takes, without what it waits for: `20ms` for always so long, or a distribution; no
    /// time where it is absent.
    pub(super) takes: Option<At<TextOr<TakesDoc>>>,
    /// How many requests one unit works on at once; 1 where it is absent.
    pub(super) servers: Option<At<u32>>,
    /// How many more may wait at one unit; any number where it is absent. What finds no place is refused.
    pub(super) queue: Option<At<u32>>,
    /// A server stays occupied while its request waits for other services.
    #[serde(default)]
    pub(super) blocking: bool,
    /// The services that each request calls, one after the other, and waits for.
    #[serde(default)]
    pub(super) needs: Vec<At<TextOr<CallDoc>>>,
}

/// How long something takes: `{mean: 20ms}` (exponential), `{median: 20ms, sigma: 0.8}` (lognormal) or
/// `{least: 5ms, tail: 1.5}` (Pareto).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TakesDoc {
    /// The mean of an exponential time.
    pub(super) mean: Option<Text>,
    /// The median of a lognormal time.
    pub(super) median: Option<Text>,
    /// The standard deviation of the logarithm of a lognormal time.
    pub(super) sigma: Option<At<f64>>,
    /// The least of a heavy-tailed time.
    pub(super) least: Option<Text>,
    /// The power by which the tail of a heavy-tailed time falls, above 1.
    pub(super) tail: Option<At<f64>>,
}

/// A service that is called, and how long the caller waits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CallDoc {
    /// The service, by its name.
    pub(super) service: Text,
    /// How long one attempt may take; any time where it is absent.
    pub(super) timeout: Option<Text>,
    /// How many further attempts follow a failed one; none where it is absent.
    pub(super) retries: Option<At<u32>>,
}

/// A flow that must work.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct NeedDoc {
    /// Who opens the connections.
    pub(super) from: Texts,
    /// To whom.
    pub(super) to: Texts,
    /// On which service.
    pub(super) service: Option<Texts>,
    /// On which services.
    pub(super) services: Option<Texts>,
    /// How often one source opens one: `2/s`; where it is absent `1/s`, or only with each request that the source gets if
    /// it waits for the answer.
    pub(super) rate: Option<Text>,
    /// In place of a rate: at fixed times, so far apart: `1d`.
    pub(super) every: Option<Text>,
    /// When the first of those times is; at the end of the first period where it is absent.
    pub(super) at: Option<Text>,
    /// The rate is that of bursts, with pauses between them.
    pub(super) bursts: Option<At<BurstsDoc>>,
    /// The rate swings around its mean from day to night.
    pub(super) daily: Option<At<DailyDoc>>,
    /// How long one attempt may take; any time where it is absent.
    pub(super) timeout: Option<Text>,
    /// How many further attempts follow a failed one; none where it is absent.
    pub(super) retries: Option<At<u32>>,
    /// The source opens one for every request that it gets, and waits for the answer before it answers.
    #[serde(default)]
    pub(super) synchronous: bool,
    /// The service whose requests these are, by its name; every request that the source gets where it is absent.
    pub(super) answering: Option<Text>,
    /// Why it is needed.
    pub(super) reason: Option<String>,
    /// Who answers for it.
    pub(super) owner: Option<String>,
    /// The change that brought it.
    pub(super) ticket: Option<String>,
}

/// Bursts and pauses, exponentially distributed: `{length: 10s, pause: 1min}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BurstsDoc {
    /// The mean length of a burst.
    pub(super) length: Text,
    /// The mean pause between two.
    pub(super) pause: Text,
}

/// Day and night: `{peak: 14h, swing: 0.8}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct DailyDoc {
    /// When the rate is highest, after the start of each day.
    pub(super) peak: Text,
    /// By which share of the mean the peak is above it, and the low below, 0 to 1.
    pub(super) swing: At<f64>,
}

/// Units assumed to be out of attackers' reach.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TrustedDoc {
    /// The units: a selector.
    pub(super) units: Text,
    /// Who answers for the assumption.
    pub(super) owner: String,
    /// Why it is made.
    pub(super) reason: String,
    /// The day after which it no longer holds: `2027-01-31`.
    pub(super) expires: Option<Text>,
}

/// An attacker with a foothold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AttackerDoc {
    /// The name, unique in the design.
    pub(super) name: Option<String>,
    /// The units of which one is owned at the start: a selector.
    pub(super) foothold: Text,
    /// How often an owned unit tries another endpoint; where it is absent what the calibration says.
    pub(super) scan_rate: Option<Text>,
    /// Attempts to exploit a vulnerability; where it is absent what the calibration says.
    pub(super) exploit: Option<ChanceDoc>,
    /// Attempts to log in with a credential; where it is absent what the calibration says.
    pub(super) login: Option<ChanceDoc>,
    /// Credentials that it has before it begins.
    #[serde(default)]
    pub(super) credentials: Vec<Text>,
    /// Whom it tries, in which order: `worm`, `random-walk`, `low-and-slow`, `targeted`, `insider`, or
    /// `{ransomware: {units: 10, after: 3d}}`; worm where it is absent.
    pub(super) strategy: Option<At<TextOr<StrategyDoc>>>,
    /// How it gets in: `unit`, by a mail or a password on one unit of the foothold; `exposed-service`, on one that the internet
    /// reaches at a service which lets attackers in; `supply-chain`, on all that run the image of one; unit where it is
    /// absent.
    pub(super) entry: Option<Text>,
    /// Whether owning all of a unit of a controller's name makes void what that controller distributes; not where it is
    /// absent.
    pub(super) takes_controllers: Option<bool>,
    /// What leaves critical units for the internet; nothing where it is absent.
    pub(super) exfiltration: Option<ExfiltrationDoc>,
}

/// Data that leaves critical units for the internet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExfiltrationDoc {
    /// The service on the internet that it is sent to; `tcp/443` where it is absent.
    pub(super) service: Option<Text>,
    /// The mean time that it takes, exponentially distributed: `2h`.
    pub(super) mean: Text,
}

/// A strategy that has numbers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StrategyDoc {
    /// A worm until it has enough; then it makes useless what it has.
    Ransomware(At<RansomwareDoc>),
}

/// When ransomware strikes: at whichever comes first.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RansomwareDoc {
    /// When it has so many units.
    pub(super) units: Option<At<u32>>,
    /// When so much time has passed: `3d`.
    pub(super) after: Option<Text>,
}

/// The chance that something works, and how long it takes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ChanceDoc {
    /// The chance, 0 to 1.
    pub(super) probability: At<f64>,
    /// The mean time, exponentially distributed: `20min`.
    pub(super) mean: Text,
}

/// How vulnerabilities disappear: `{probability: 0.9, mean: 14d}`; `{}` for all of them, as fast as the calibration says.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PatchingDoc {
    /// The chance that one is ever patched, 0 to 1; 1 where it is absent.
    pub(super) probability: Option<At<f64>>,
    /// The mean time until it is, exponentially distributed; where it is absent what follows from the calibration.
    pub(super) mean: Option<Text>,
}

/// What watches the network, and how fast it answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MonitorDoc {
    /// The chance that a denied attempt raises an alert, 0 to 1; none where it is absent.
    pub(super) denied_alerts: Option<At<f64>>,
    /// A sensor that does not depend on policy; none where it is absent.
    pub(super) sensor: Option<ChanceDoc>,
    /// The mean time from an alert to the quarantine of the unit that caused it.
    pub(super) response: Text,
    /// How many people look at alerts before anything is done, one case after the other; none where it is absent: every
    /// alert is answered.
    pub(super) analysts: Option<At<u32>>,
    /// With `analysts`: the mean time that a case takes one of them.
    pub(super) triage: Option<Text>,
    /// With `analysts`: the chance that a case about an owned unit is taken for a false alarm; none where it is absent.
    pub(super) missed: Option<At<f64>>,
    /// With `analysts`: how often the sensor raises an alarm about a unit for nothing: `0.1/d`; never where it is absent.
    pub(super) false_alarms: Option<Text>,
    /// What quarantine does to established connections: `cut` or `spare`; cut where it is absent.
    pub(super) established: Option<Text>,
    /// Whether and when a vulnerability of an image is patched; never where it is absent.
    pub(super) patching: Option<PatchingDoc>,
    /// The mean time between two changes of a credential; never where it is absent.
    pub(super) rotation: Option<Text>,
}

/// A kind of foreign objects that is left out of the model on purpose.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IgnoreDoc {
    /// The kind: `CiliumNetworkPolicy`.
    pub(super) kind: String,
    /// Why it can be left out.
    pub(super) reason: String,
    /// Who answers for that.
    pub(super) owner: Option<String>,
}

/// Something that the results rest on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AssumptionDoc {
    /// A stable name.
    pub(super) id: String,
    /// The sentence to print.
    pub(super) text: String,
}

/// Something that is missing from the model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UnmodelledDoc {
    /// What it is.
    pub(super) what: String,
    /// The units whose connections it may touch: a selector; all where it is absent.
    pub(super) touches: Option<Text>,
}
