//! Patches: the texts with edits in them say what the edited design says.

use seglab_formats::patch::{Left, Patch, patch};
use seglab_formats::{File, kubernetes, lab};
use seglab_policy::arbitrary::{Answer, connection_of, design_of};
use seglab_policy::{
    Action, Assume, Design, Direction, Directions, Edit, Order, Peer, Provenance, Restriction, Rule, RuleId,
    RulebookId, Selector, Service, TierId, Transport,
};
use std::collections::BTreeMap;

const PATH: &str = "design.yaml";

fn lab(text: &str) -> Design {
    let file = File { path: PATH.to_owned(), text: text.to_owned() };
    let read = lab::parse(&file).and_then(|file| lab::merge(&file, Vec::new()));
    let reading = read.unwrap_or_else(|rejected| panic!("{:?}\n{text}", rejected.diagnostics));
    Design::new(reading.draft).unwrap()
}

fn manifests(text: &str) -> Design {
    let files = [File { path: PATH.to_owned(), text: text.to_owned() }];
    let read = kubernetes::read(&files, &kubernetes::Options::default());
    let reading = read.unwrap_or_else(|rejected| panic!("{:?}\n{text}", rejected.diagnostics));
    Design::new(reading.draft).unwrap()
}

fn patched(design: &Design, text: &str, edits: &[Edit]) -> Patch {
    patch(design, &BTreeMap::from([(PATH.to_owned(), text.to_owned())]), edits)
}

/// The two designs say the same of many connections.
fn assert_same(a: &Design, b: &Design, text: &str) {
    for seed in 0..150 {
        let connection = connection_of(a, seed);
        let answer = |design: &Design| Answer::from(design.evaluate(&connection, Assume::business()).verdict);
        assert_eq!(answer(a), answer(b), "{}\n{text}", connection.display(a));
    }
}

fn rule(id: u32) -> RuleId {
    RuleId { rulebook: RulebookId(0), tier: 0, rule: id }
}

/// Edits of a random design: of one rule in three, restricted to what others speak of, and of one tier in two.
fn edits_of(design: &Design, seed: u64) -> Vec<Edit> {
    let peers: Vec<Peer> = design.rules().flat_map(|(_, rule)| [rule.from.clone(), rule.to.clone()]).collect();
    let mut draws = seed;
    let mut below = |bound: usize| {
        draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(draws >> 33).unwrap() % bound.max(1)
    };
    let mut edits = Vec::new();
    for (id, rule) in design.rules() {
        let word = peers[below(peers.len())].clone();
        let narrowed =
            |to: Restriction| rule.narrowed(std::slice::from_ref(&to)).map(|_| Edit::Narrow { rule: id, to: vec![to] });
        let by_ranges = matches!(word, Peer::Addresses { .. } | Peer::Unmodelled(_));
        edits.extend(match below(9) {
            0 => Some(Edit::Remove(id)),
            1 if !by_ranges => narrowed(Restriction::From(word)),
            2 if !by_ranges => narrowed(Restriction::To(word)),
            3 => narrowed(Restriction::Services(vec![Service::ports(Transport::Tcp, 80, 443)])),
            _ => None,
        });
    }
    for (rulebook, book) in (0..).zip(design.rulebooks()) {
        for (tier, held) in (0..).zip(&book.tiers) {
            let added = Rule {
                directions: [Directions::ALL, Directions::only(Direction::Egress)][below(2)],
                from: Peer::Units(Selector::Everything),
                to: Peer::internet(),
                services: vec![Service::ports(Transport::Tcp, 443, 443)],
                action: Action::Allow,
                priority: 0,
                provenance: Provenance::default(),
            };
            let (id, last) = (TierId { rulebook: RulebookId(rulebook), tier }, below(2) == 0);
            if below(2) == 0 && held.order != Order::FirstMatchUndefinedTies && !held.isolates() {
                edits.push(Edit::Add { tier: id, rule: Box::new(added), last });
            }
            if held.isolates() {
                let units = Selector::label("env", "prod");
                edits.push(Edit::Isolate { tier: id, direction: Direction::Ingress, units });
            }
        }
    }
    edits
}

#[test]
fn random_lab_files_say_what_the_edits_do() {
    let mut written = 0;
    for seed in 0..400 {
        let text = lab::write(&design_of(seed));
        let design = lab(&text);
        let edits = edits_of(&design, seed);
        let Ok(edited) = design.edited(&edits) else { continue };
        let patch = patched(&design, &text, &edits);
        assert_eq!(patch.left, [], "seed {seed}: {edits:?}\n{text}");
        let Some(after) = patch.texts.get(PATH) else {
            assert!(edits.is_empty());
            continue;
        };
        written += 1;
        assert_same(&edited, &lab(after), &format!("seed {seed}: {edits:?}\n{text}\n{after}"));
    }
    assert!(written > 200, "{written}");
}

/// A lab file as people write it, with comments and lists over several lines.
const BY_HAND: &str = "\
seglab: 1
units:
  - {name: web, labels: {app: web}, listens: [tcp/443]}
  - {name: db, labels: {app: db}, listens: [tcp/5432]}
  - {name: old, labels: {app: old}}
segments: {inside: app in (web, db)}
policy:
  # The front door.
  - allow: {from: internet, to: web, service: tcp/443}  # everybody
  - allow:
      from: [web, old]
      to: any
      # until they have moved
      services:
        - tcp/5432
        - tcp/22
      reason: legacy
  - allow: {from: db or old, to: db}
needs: []
";

#[test]
fn a_file_by_hand_keeps_its_comments_and_its_layout() {
    let design = lab(BY_HAND);
    let inside = Selector::In { key: "app".to_owned(), values: vec!["db".to_owned(), "web".to_owned()] };
    let edits = [
        Edit::Narrow {
            rule: rule(1),
            to: vec![
                Restriction::To(Peer::Units(inside.clone())),
                Restriction::Services(vec![Service::ports(Transport::Tcp, 5432, 5432)]),
            ],
        },
        Edit::Narrow { rule: rule(2), to: vec![Restriction::From(Peer::Units(inside.opposite()))] },
    ];
    let patch = patched(&design, BY_HAND, &edits);
    assert_eq!(patch.left, []);
    let after = &patch.texts[PATH];
    insta::assert_snapshot!(after);
    assert_same(&design.edited(&edits).unwrap(), &lab(after), after);

    let all: Vec<Edit> = (0..3).map(|id| Edit::Remove(rule(id))).collect();
    let none = patched(&design, BY_HAND, &all).texts.remove(PATH).unwrap();
    assert!(none.contains("\npolicy: []\n"), "{none}");
    let first = patched(&design, BY_HAND, &all[..1]).texts.remove(PATH).unwrap();
    assert!(first.contains("  # The front door.\n  - allow:\n"), "{first}");
}

/// Policies as people write them.
const POLICIES: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db}}
spec: {containers: [{name: db}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  egress:
    - {}
  ingress:
    - from:
        # the shop itself
        - podSelector: {matchLabels: {app: web}}
        - namespaceSelector: {}  # everybody else
        - ipBlock: {cidr: 10.0.0.0/8}
      ports:
        - port: 5432
        - port: 22
    - from: [{podSelector: {}}, {ipBlock: {cidr: 192.0.2.0/24}}]
";

fn label(key: &str, value: &str) -> Peer {
    Peer::Units(Selector::label(key, value))
}

/// The rule of a peer that is written on a line, from 1.
fn on_line(design: &Design, line: u32) -> RuleId {
    let found = design.rules().find(|(_, rule)| rule.provenance.span.is_some_and(|span| span.line == line));
    found.unwrap_or_else(|| panic!("no rule on line {line}")).0
}

#[test]
fn policies_are_edited_peer_by_peer() {
    let design = manifests(POLICIES);
    let line = |word: &str| u32::try_from(POLICIES.lines().position(|line| line.contains(word)).unwrap() + 1).unwrap();
    let (open, all, range) = (line("- {}"), line("everybody else"), line("10.0.0.0/8"));
    let tcp = |port| Service::ports(Transport::Tcp, port, port);
    let narrow = |line, to| Edit::Narrow { rule: on_line(&design, line), to };
    let to_web =
        Restriction::From(Peer::Units(Selector::NotIn { key: "app".to_owned(), values: vec!["db".to_owned()] }));
    let tier = TierId { rulebook: RulebookId(0), tier: 1 };
    let shop = Selector::label(seglab_policy::NAMESPACE_KEY, "shop");
    let cases: Vec<Vec<Edit>> = vec![
        vec![Edit::Remove(on_line(&design, open))],
        vec![Edit::Remove(on_line(&design, all))],
        vec![Edit::Remove(on_line(&design, all)), Edit::Remove(on_line(&design, range))],
        vec![narrow(open, vec![Restriction::To(label("app", "web")), Restriction::Services(vec![tcp(443)])])],
        vec![narrow(all, vec![to_web.clone()])],
        vec![narrow(all, vec![to_web, Restriction::Services(vec![tcp(5432)])]), Edit::Remove(on_line(&design, range))],
        vec![Edit::Isolate { tier, direction: Direction::Ingress, units: shop.clone() }],
        vec![Edit::Add {
            tier,
            last: false,
            rule: Box::new(Rule {
                directions: Directions::only(Direction::Egress),
                from: Peer::Units(Selector::All(vec![shop, Selector::label("app", "web")])),
                to: Peer::Units(Selector::Exists(seglab_policy::NAMESPACE_KEY.to_owned())),
                services: vec![Service::NamedPort { protocol: Some(Transport::Tcp), name: "http".to_owned() }],
                action: Action::Allow,
                priority: 0,
                provenance: Provenance::default(),
            }),
        }],
    ];
    let mut shown = String::new();
    for edits in cases {
        let patch = patched(&design, POLICIES, &edits);
        assert_eq!(patch.left, [], "{edits:?}");
        let after = &patch.texts[PATH];
        assert_same(&design.edited(&edits).unwrap(), &manifests(after), after);
        let (_, policy) = after.split_once("metadata: {name: db, namespace: shop}\nspec:\n  podSel").unwrap();
        shown.push_str(&format!("  podSel{policy}\n"));
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn what_cannot_be_written_is_left_with_its_reason() {
    let design =
        lab("seglab: 1\nunits: [{name: a}]\npolicy:\n  - &r allow: {from: a, to: a}\n  - allow: {from: a, to: a}\n");
    let elsewhere = Edit::Remove(RuleId { rulebook: RulebookId(7), tier: 0, rule: 0 });
    let patch = patched(&design, "seglab: 1\n", &[Edit::Remove(rule(1)), elsewhere]);
    assert_eq!(patch.left, [(0, Left::NotWritten), (1, Left::NotWritten)]);
    assert!(patch.texts.is_empty());

    let aliased = "seglab: 1\nunits: [{name: a}]\npolicy:\n  - allow: &all {from: a, to: a}\n  - allow: *all\n";
    let design = lab(aliased);
    let narrow = Edit::Narrow { rule: rule(1), to: vec![Restriction::From(Peer::Units(Selector::nothing()))] };
    let patch = patched(&design, aliased, &[narrow]);
    assert!(matches!(patch.left.as_slice(), [(0, Left::Layout(_))]), "{patch:?}");

    let design = manifests(POLICIES);
    let named = Selector::Named("default/db[Pod]".to_owned());
    let tier = TierId { rulebook: RulebookId(0), tier: 1 };
    let patch = patched(&design, POLICIES, &[Edit::Isolate { tier, direction: Direction::Egress, units: named }]);
    assert!(matches!(patch.left.as_slice(), [(0, Left::NoWords(_))]), "{patch:?}");
}
