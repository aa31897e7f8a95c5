//! Claims about units that do not exist yet: by hand for everything that may be true of one, and on random designs
//! against designs with random units added.

use crate::build::{app, design, draft, peer, point, rule, tcp, unit};
use crate::naive::{Answer, Naive};
use seglab_policy::arbitrary::design_of;
use seglab_policy::{
    Action, AddressSet, Claim, Covers, Design, Directions, Draft, Labels, Level, Listener, NAMESPACE_KEY, Peer, Pivot,
    Placement, PointKind, Property, Rule, Rulebook, RulebookId, Selector, Service, Transport, Trust, Unit, Unmodelled,
    View,
};
use seglab_verify::cross_check::{Effort, cross_check};
use seglab_verify::smt::Limits;
use seglab_verify::{Counterexample, Extension, Settings, Settled, Uncertainty, Unsettled, Verifier, verify};

/// A unit with these labels, at an address.
fn labelled(name: &str, address: &str, labels: &[(&str, &str)]) -> Unit {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Unit { labels, ..unit(name, address, &[]) }
}

fn is(key: &str, value: &str) -> Selector {
    Selector::label(key, value)
}

fn both(one: Selector, other: Selector) -> Selector {
    Selector::All(vec![one, other])
}

fn allow(from: Selector, to: Selector) -> Rule {
    rule(Action::Allow, Peer::Units(from), Peer::Units(to), vec![Service::Any])
}

/// What is not in scope.
fn aside(selector: Selector) -> Selector {
    both(selector, Selector::NotIn { key: "scope".to_owned(), values: vec!["pci".to_owned()] })
}

fn proxy() -> Selector {
    both(is("env", "prod"), aside(is("role", "proxy")))
}

/// `dev`, `web` and `pci`, each with a host point, under these rules.
fn shop(rules: Vec<Rule>) -> Draft {
    let units = vec![
        labelled("dev", "10.0.0.1", &[("env", "dev"), ("team", "x")]),
        labelled("web", "10.0.0.2", &[("env", "prod"), ("app", "web"), ("team", "x")]),
        labelled("pci", "10.0.0.3", &[("env", "prod"), ("scope", "pci"), ("team", "x")]),
    ];
    draft(units, rules)
}

/// No unit of `env=dev` ever reaches `scope=pci`.
fn claim() -> Claim {
    ever(Peer::Units(is("env", "dev")), Peer::Units(is("scope", "pci")), Service::Any)
}

fn ever(from: Peer, to: Peer, service: Service) -> Claim {
    Claim::IsolatedEver { from, to, services: vec![service] }
}

fn ordinary(claim: &Claim) -> Claim {
    let Claim::IsolatedEver { from, to, services } = claim else { panic!("{claim:?}") };
    Claim::Isolated { from: from.clone(), to: to.clone(), services: services.clone() }
}

fn settled(draft: &Draft, property: &Property, settings: &Settings) -> Settled {
    let design = design(Draft { properties: vec![property.clone()], ..draft.clone() });
    let report = verify(&design, settings).unwrap();
    cross_check(&design, settings, &report, Effort::default()).unwrap();
    report.properties[0].verdict.clone()
}

#[track_caller]
fn holds(draft: &Draft, claim: Claim) {
    let verdict = settled(draft, &Property::new("claim", claim), &Settings::default());
    assert_eq!(verdict, Settled::Holds);
}

/// The claim is true of what exists and not of what may come; the new units' labels, in the order of their way.
#[track_caller]
fn violated(draft: &Draft, property: &Property) -> (Extension, Vec<Labels>) {
    let as_it_is = Property { claim: ordinary(&property.claim), ..property.clone() };
    assert_eq!(settled(draft, &as_it_is, &Settings::default()), Settled::Holds, "nothing is wrong with what exists");
    match settled(draft, property, &Settings::default()) {
        Settled::Violated(Counterexample::Extended(extension)) => {
            replays(&extension);
            let labels = extension.units.iter().map(|unit| extension.design.unit(*unit).labels.clone()).collect();
            (extension, labels)
        }
        other => panic!("{other:?}"),
    }
}

/// The design with the new units violates the ordinary claim, says a fixpoint that knows the reference evaluator only.
#[track_caller]
fn replays(extension: &Extension) {
    let property = &extension.design.properties()[0];
    assert!(matches!(property.claim, Claim::Isolated { .. }));
    let answer = Naive::new(&extension.design).answer(property, false);
    assert_eq!(answer, Answer::Violated, "{:?}", extension.units);
}

fn asked(claim: Claim) -> Property {
    Property::new("claim", claim)
}

#[test]
fn a_unit_may_carry_both_labels() {
    let (_, labels) = violated(&shop(vec![allow(app("web"), is("scope", "pci"))]), &asked(claim()));
    assert_eq!(labels[0].get("env").map(String::as_str), Some("dev"));
    assert_eq!(labels[0].get("app").map(String::as_str), Some("web"));
    holds(&shop(vec![allow(both(app("web"), is("env", "prod")), is("scope", "pci"))]), claim());
}

#[test]
fn a_label_may_be_absent() {
    let lacking = Selector::Absent("team".to_owned());
    let (_, labels) = violated(&shop(vec![allow(lacking.clone(), is("scope", "pci"))]), &asked(claim()));
    assert_eq!(labels[0].get("team"), None);
    holds(&shop(vec![allow(both(lacking, is("env", "prod")), is("scope", "pci"))]), claim());
}

#[test]
fn a_label_may_have_a_value_that_nobody_mentions() {
    let other = both(
        Selector::Exists("team".to_owned()),
        Selector::NotIn { key: "team".to_owned(), values: vec!["x".to_owned()] },
    );
    let (_, labels) = violated(&shop(vec![allow(other.clone(), is("scope", "pci"))]), &asked(claim()));
    assert!(labels[0]["team"] != "x", "{labels:?}");
    holds(&shop(vec![allow(both(is("env", "prod"), other), is("scope", "pci"))]), claim());
}

#[test]
fn not_in_and_exists_speak_of_new_units_too() {
    let not_x = Selector::NotIn { key: "team".to_owned(), values: vec!["x".to_owned()] };
    violated(&shop(vec![allow(not_x, is("scope", "pci"))]), &asked(claim()));
    let has_role = Selector::Exists("role".to_owned());
    violated(&shop(vec![allow(has_role, is("scope", "pci"))]), &asked(claim()));
    let not_dev = Selector::Not(Box::new(is("env", "dev")));
    holds(&shop(vec![allow(not_dev, is("scope", "pci"))]), claim());
}

#[test]
fn new_units_are_on_the_way_and_hops_are_counted() {
    let proxied = shop(vec![allow(is("env", "dev"), proxy()), allow(proxy(), is("scope", "pci"))]);
    let (extension, labels) = violated(&proxied, &asked(claim()));
    assert!(labels.iter().any(|labels| labels.get("role").is_some_and(|role| role == "proxy")), "{labels:?}");
    assert_eq!(extension.hops.len(), 2);
    let within = |hops| Property { hops_max: Some(hops), ..asked(claim()) };
    assert_eq!(settled(&proxied, &within(1), &Settings::default()), Settled::Holds);
    violated(&proxied, &within(2));
}

#[test]
fn clients_of_an_owned_unit_fall_either_way() {
    let called = shop(vec![
        allow(is("role", "agent"), is("env", "dev")),
        allow(both(is("role", "agent"), is("env", "prod")), is("scope", "pci")),
    ]);
    let either = Property { pivot: Pivot::EitherWay, ..asked(claim()) };
    let (_, labels) = violated(&called, &either);
    assert!(labels.iter().any(|labels| labels.get("role").is_some_and(|role| role == "agent")), "{labels:?}");
    holds(&called, claim());
}

/// A unit of a Kubernetes namespace.
fn pod(name: &str, address: &str, namespace: &str, team: &str, labels: &[(&str, &str)]) -> Unit {
    let mut unit = labelled(name, address, labels);
    unit.labels.insert(NAMESPACE_KEY.to_owned(), namespace.to_owned());
    unit.labels.insert("namespace:team".to_owned(), team.to_owned());
    unit
}

#[test]
fn labels_of_a_namespace_that_exists_are_what_they_are() {
    let units =
        vec![pod("dev", "10.0.0.1", "dev", "x", &[]), pod("pci", "10.0.0.2", "vault", "pay", &[("scope", "pci")])];
    let pods = draft(units, vec![allow(is("namespace:team", "pay"), is("scope", "pci"))]);
    let from = |selector| ever(Peer::Units(selector), Peer::Units(is("scope", "pci")), Service::Any);
    holds(&pods, from(is(NAMESPACE_KEY, "dev")));
    // A namespace of another name may carry any labels.
    let elsewhere = Selector::NotIn { key: NAMESPACE_KEY.to_owned(), values: vec!["vault".to_owned()] };
    let (_, labels) = violated(&pods, &asked(from(elsewhere)));
    assert_eq!(labels[0]["namespace:team"], "pay");
    assert!(!["dev", "vault"].contains(&labels[0].get(NAMESPACE_KEY).map_or("", String::as_str)));
}

fn net(net: &str) -> AddressSet {
    AddressSet::from_net(net.parse().unwrap())
}

fn from_addresses(set: AddressSet, covers: Covers) -> Rule {
    rule(Action::Allow, Peer::Addresses { set, covers }, Peer::Units(is("scope", "pci")), vec![Service::Any])
}

#[test]
fn a_unit_may_have_any_address_that_nobody_has() {
    // Ingress at the target goes by address; whoever is new may send what it likes.
    let guarded = |set: AddressSet, covers: Covers| {
        let ingress =
            Rule { directions: Directions::only(seglab_policy::Direction::Ingress), ..from_addresses(set, covers) };
        let egress = rule(Action::Allow, Peer::Anyone, Peer::Anyone, vec![Service::Any]);
        let egress = Rule { directions: Directions::only(seglab_policy::Direction::Egress), ..egress };
        shop(vec![ingress, egress])
    };
    let (extension, _) = violated(&guarded(net("10.9.0.0/16"), Covers::All), &asked(claim()));
    let addresses: Vec<_> =
        extension.design.unit(extension.units[0]).interfaces.iter().map(|one| one.address).collect();
    assert!(addresses.iter().any(|address| address.to_string().starts_with("10.9.")), "{addresses:?}");
    holds(&guarded(net("10.9.0.0/16"), Covers::External), claim());
    // Web's address, and the target's: nobody else has them there, whatever they may have in a network of their own.
    let to_it = Peer::Units(both(is("scope", "pci"), Selector::Named("pci".to_owned())));
    for range in ["10.0.0.2/32", "10.0.0.2/31"] {
        let from = Peer::Units(is("env", "dev"));
        holds(&guarded(net(range), Covers::All), ever(from, to_it.clone(), Service::Any));
        violated(&guarded(net(range), Covers::All), &asked(claim()));
    }
}

#[test]
fn one_more_replica_has_the_labels_of_the_others() {
    let replicas = |labels: &[(&str, &str)]| {
        let mut draft = shop(vec![allow(is("team", "y"), Selector::Named("vault".to_owned()))]);
        for number in 1..3 {
            let name = format!("vault#{number}");
            let address = format!("10.0.1.{number}");
            draft.units.push(Unit { owner: Some("vault".to_owned()), ..labelled(&name, &address, labels) });
        }
        draft
    };
    let from_them =
        ever(Peer::Units(Selector::Named("vault".to_owned())), Peer::Units(is("scope", "pci")), Service::Any);
    let mut open = replicas(&[("team", "x")]);
    open.rulebooks[0].tiers[0].rules.push(allow(is("team", "y"), is("scope", "pci")));
    holds(&open, from_them.clone());
    // Whoever may scale up may not relabel, but a third unit may be on the way.
    open.rulebooks[0].tiers[0].rules.push(allow(is("team", "x"), aside(is("role", "proxy"))));
    let (_, labels) = violated(&open, &asked(from_them));
    assert!(labels.iter().any(|labels| labels.get("team").is_some_and(|team| team == "y")), "{labels:?}");
}

#[test]
fn sides_may_go_by_address() {
    let rules = || vec![allow(is("role", "proxy"), is("scope", "pci"))];
    let from = Peer::Addresses { set: net("10.9.0.0/16"), covers: Covers::All };
    let by_address = |from: Peer| ever(from, Peer::Units(is("scope", "pci")), Service::Any);
    violated(&shop(rules()), &asked(by_address(from)));
    let from = Peer::Addresses { set: net("10.9.0.0/16"), covers: Covers::External };
    holds(&shop(rules()), by_address(from));
    let to = Peer::Addresses { set: net("10.9.0.0/16"), covers: Covers::All };
    let into = |to: Peer| ever(Peer::Units(is("env", "dev")), to, Service::Any);
    violated(&shop(vec![allow(is("env", "dev"), is("role", "proxy"))]), &asked(into(to.clone())));
    holds(&shop(vec![allow(is("env", "prod"), is("role", "proxy"))]), into(to));
}

#[test]
fn a_named_port_may_be_any_port() {
    let mut named = shop(Vec::new());
    named.units[2].listeners =
        vec![Listener { name: Some("metrics".to_owned()), ..Listener::port(Transport::Tcp, 9100) }];
    let service = Service::NamedPort { protocol: Some(Transport::Tcp), name: "metrics".to_owned() };
    named.rulebooks[0].tiers[0].rules =
        vec![rule(Action::Allow, Peer::Units(is("env", "dev")), Peer::Units(is("scope", "pci")), vec![service])];
    let on = |service| ever(Peer::Units(is("env", "dev")), Peer::Units(is("scope", "pci")), service);
    let (extension, _) = violated(&named, &asked(on(tcp(22))));
    let listeners: Vec<Listener> =
        extension.units.iter().flat_map(|unit| extension.design.unit(*unit).listeners.clone()).collect();
    assert!(listeners.iter().any(|one| one.name.as_deref() == Some("metrics") && one.first == 22), "{listeners:?}");
    holds(&named, on(Service::ports(Transport::Udp, 53, 53)));
}

#[test]
fn a_new_unit_listens_where_it_likes() {
    let rules = || vec![allow(is("env", "dev"), is("role", "proxy")), allow(is("role", "proxy"), is("scope", "pci"))];
    for (view, pivot) in
        [(View::Service, Pivot::Any), (View::Policy, Pivot::Service), (View::Policy, Pivot::Exploitable)]
    {
        let mut listening = shop(rules());
        listening.units[2].listeners = vec![Listener::port(Transport::Tcp, 5432)];
        violated(&listening, &Property { view, pivot, ..asked(claim()) });
    }
    // Nobody can be taken that has no weakness; what exists has none.
    let existing = shop(vec![allow(is("env", "dev"), aside(app("web"))), allow(app("web"), is("scope", "none"))]);
    let to = ever(Peer::Units(is("env", "dev")), Peer::Units(is("scope", "pci")), Service::Any);
    assert_eq!(
        settled(&existing, &Property { pivot: Pivot::Exploitable, ..asked(to) }, &Settings::default()),
        Settled::Holds
    );
}

#[test]
fn enforcement_covers_the_new_units_that_it_is_declared_for() {
    let mut partly = shop(vec![allow(both(app("web"), is("env", "prod")), is("scope", "pci"))]);
    partly.points = vec![point("agents", PointKind::Agent, Placement::Units(is("env", "prod")), Directions::UNIT)];
    let (_, labels) = violated(&partly, &asked(claim()));
    let bare = labels.iter().find(|labels| labels.get("scope").is_some_and(|scope| scope == "pci")).unwrap();
    assert_ne!(bare.get("env").map(String::as_str), Some("prod"));
    let guarded = both(is("scope", "pci"), is("env", "prod"));
    holds(&partly, ever(Peer::Units(is("env", "dev")), Peer::Units(guarded), Service::Any));
}

#[test]
fn an_appliance_is_blind_inside_a_place() {
    let mut zoned = shop(Vec::new());
    for (unit, zone) in zoned.units.iter_mut().zip(["lab", "lab", "vault"]) {
        unit.interfaces[0].place.zone = Some(zone.to_owned());
    }
    zoned.points = vec![point("firewall", PointKind::Appliance, Placement::Between(Level::Zone), Directions::ALL)];
    // Whoever is not developed stays where it is; a new unit may be put beside what it must not reach.
    violated(&zoned, &asked(claim()));
    let around = Placement::Around(Level::Zone, "vault".to_owned());
    zoned.points = vec![point("edge", PointKind::Appliance, around, Directions::ALL)];
    violated(&zoned, &asked(claim()));
    let every = point("hosts", PointKind::Host, Placement::Units(Selector::Everything), Directions::UNIT);
    zoned.points.push(every);
    holds(&zoned, claim());
}

#[test]
fn a_zone_that_only_an_appliance_names_may_be_stood_in() {
    let mut zoned = shop(Vec::new());
    let open = Rulebook { name: "open".to_owned(), default_allow: true, ..zoned.rulebooks[0].clone() };
    zoned.rulebooks.push(Rulebook { tiers: Vec::new(), ..open });
    // The default of the whole is to stop; the edge of a zone in which nobody stands yet stops nothing more.
    let around = Placement::Around(Level::Zone, "attic".to_owned());
    let edge = point("edge", PointKind::Appliance, around, Directions::ALL);
    zoned.points.push(seglab_policy::EnforcementPoint { rulebook: RulebookId(1), ..edge });
    holds(&zoned, claim());
    zoned.points.remove(0);
    zoned.units[0].interfaces[0].space = "elsewhere".to_owned();
    violated(&zoned, &asked(claim()));
}

#[test]
fn a_new_unit_may_run_on_a_host_that_falls() {
    let hypervisor = |rules: Vec<Rule>| {
        let mut draft = shop(rules);
        draft.units.push(labelled("metal", "10.0.0.9", &[("role", "hypervisor"), ("team", "x")]));
        draft.units[1].host = Some("metal".to_owned());
        draft
    };
    let open = vec![allow(is("env", "dev"), aside(is("role", "hypervisor")))];
    let (extension, labels) = violated(&hypervisor(open), &asked(claim()));
    assert_eq!(labels[0]["scope"], "pci");
    assert_eq!(extension.design.unit(extension.units[0]).host.as_deref(), Some("metal"));
    holds(&hypervisor(vec![allow(is("env", "prod"), is("role", "hypervisor"))]), claim());
}

#[test]
fn an_agent_on_the_owned_unit_counts_as_its_trust_says() {
    let ingress_open = || {
        let mut draft = shop(vec![rule(Action::Allow, Peer::Anyone, peer("web"), vec![Service::Any])]);
        draft.rulebooks[0].tiers[0].otherwise = Action::Pass;
        draft.rulebooks[0].default_allow = true;
        let deny = rule(Action::Deny, Peer::Units(is("env", "dev")), Peer::Anyone, vec![Service::Any]);
        draft.rulebooks[0].tiers[0].rules =
            vec![Rule { directions: Directions::only(seglab_policy::Direction::Egress), ..deny }];
        draft.points[0].kind = PointKind::Agent;
        draft
    };
    let intact = Property { trust: Trust::Intact, ..asked(claim()) };
    assert_eq!(settled(&ingress_open(), &intact, &Settings::default()), Settled::Holds);
    let Settled::Violated(Counterexample::Reached(_)) = settled(&ingress_open(), &asked(claim()), &Settings::default())
    else {
        panic!("units that exist are enough: their own agents are void");
    };
}

#[test]
fn what_is_not_known_or_not_settled_is_no_pass() {
    let mut doubtful = shop(vec![allow(is("role", "legacy"), is("scope", "pci"))]);
    doubtful.unmodelled = vec![Unmodelled {
        what: "something else".to_owned(),
        touches: both(is("role", "legacy"), is("env", "prod")),
        provenance: seglab_policy::Provenance::default(),
    }];
    let verdict = |limits: Limits, draft: &Draft| match settled(
        draft,
        &asked(claim()),
        &Settings { limits, ..Settings::default() },
    ) {
        Settled::Unknown(unsure) => unsure.doubt,
        other => panic!("{other:?}"),
    };
    // Sure steps come first: a unit that is not touched is enough.
    violated(&doubtful, &asked(claim()));
    doubtful.rulebooks[0].tiers[0].rules =
        vec![allow(both(is("role", "legacy"), is("env", "prod")), is("scope", "pci"))];
    assert_eq!(verdict(Limits::default(), &doubtful), Uncertainty::Newcomers(Unsettled::Doubtful));
    let nothing = Limits { resources: 1, ..Limits::default() };
    assert_eq!(verdict(nothing, &shop(Vec::new())), Uncertainty::Newcomers(Unsettled::Resources(1)));
}

/// The design with units of another random design, renamed, at addresses of their own: as anybody might add them.
fn with_random_units(design: &Design, property: &Property, seed: u64) -> Option<Design> {
    let others = design_of(seed);
    let mut draft = design.to_draft();
    draft.properties = vec![property.clone()];
    let hosts: Vec<String> =
        design.unit_ids().filter_map(|unit| design.host_of(unit)).map(|host| design.unit(host).name.clone()).collect();
    for (at, unit) in others.units().iter().enumerate().take(1 + usize::try_from(seed % 4).unwrap()) {
        let mut unit = unit.clone();
        unit.name = format!("added {at}");
        unit.owner = None;
        unit.host = hosts.get(at.wrapping_add(usize::try_from(seed).unwrap()) % (hosts.len() + 1)).cloned();
        unit.interfaces.iter_mut().for_each(|interface| interface.shared = false);
        draft.units.push(unit);
    }
    Design::new(draft).ok()
}

/// A claim of the random design's own alphabet.
fn random_claim(design: &Design, seed: u64) -> Option<Property> {
    let claims = design.properties().iter().chain(others(seed)).filter_map(|property| match &property.claim {
        Claim::Isolated { from, to, services } | Claim::OnlyThrough { from, to, services, .. } => {
            let claim = Claim::IsolatedEver { from: from.clone(), to: to.clone(), services: services.clone() };
            Some(Property { id: "ever".to_owned(), claim, ..property.clone() })
        }
        _ => None,
    });
    claims.clone().nth(usize::try_from(seed).unwrap() % claims.count().max(1))
}

fn others(seed: u64) -> &'static [Property] {
    Box::leak(design_of(seed + 1_000_000).properties().to_vec().into_boxed_slice())
}

#[test]
fn random_designs_keep_what_is_proved_and_lose_what_is_refuted() {
    let (mut proved, mut refuted, mut unknown, mut existing, mut tried) = (0, 0, 0, 0, 0);
    let seeds = std::env::var("EVER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(200);
    for seed in 0..seeds {
        let random = design_of(seed);
        let Some(property) = random_claim(&random, seed) else { continue };
        let mut draft = random.to_draft();
        draft.properties = vec![property.clone()];
        let design = Design::new(draft).unwrap();
        let plain = Property { claim: ordinary(&property.claim), ..property.clone() };
        match Verifier::new(&design).settle(&property, &Settings::default()).unwrap().verdict {
            Settled::Holds => {
                proved += 1;
                for more in 0..20 {
                    let Some(larger) = with_random_units(&design, &plain, seed * 1000 + more) else { continue };
                    tried += 1;
                    let verdict = Verifier::new(&larger).settle(&plain, &Settings::default()).unwrap().verdict;
                    assert_eq!(verdict, Settled::Holds, "seed {seed}, units {more}: {property:?}");
                }
            }
            Settled::Violated(Counterexample::Extended(extension)) => {
                refuted += 1;
                replays(&extension);
            }
            Settled::Violated(_) => existing += 1,
            Settled::Unknown(unsure) => {
                unknown += 1;
                let shown = unsure.doubt != Uncertainty::Newcomers(Unsettled::NotShown);
                assert!(shown, "seed {seed}: {property:?}");
            }
        }
    }
    println!(
        "{proved} proved ({tried} extensions tried), {refuted} refuted, {unknown} unknown, {existing} refuted as they are"
    );
    assert!(proved >= 10 && refuted >= 10 && tried >= 100, "{proved} proved, {refuted} refuted, {tried} tried");
}
