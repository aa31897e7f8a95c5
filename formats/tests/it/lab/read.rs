//! What lab files read to.

use super::{read, reading, shown};
use seglab_formats::{File, kubernetes, lab};
use seglab_policy::{
    Address, Claim, Covers, Design, Directions, Draft, Family, Level, Order, Peer, Placement, PointKind, Reference,
    Scope, Selector, Service, Transport, Trust,
};

#[test]
fn the_sketch_of_the_design_page() {
    let text = "
seglab: 1
name: marketing site
units:
  - {name: web, labels: {app: web, env: prod}, addresses: [10.0.1.5], listens: [tcp/443]}
  - {name: mail-db, labels: {app: mail-db, env: prod}, addresses: [10.0.1.6], listens: [tcp/5432], critical: 1}
segments:
  site: app in (web, mail-db)
policy:
  - allow: {from: internet, to: app=web, service: tcp/443}
  - allow: {from: app=web, to: app=mail-db, service: tcp/5432, reason: collects addresses, owner: marketing}
enforcement:
  - agent: {on: env=prod, mode: enforce}
needs:
  - {from: app=web, to: app=mail-db, service: tcp/5432}
properties:
  - isolated: {from: site, to: not site}
  - blast-radius: {from: any, at-most: 2}
attackers:
  - foothold: app=web
";
    let reading = reading(text);
    // `not site` selects nothing here, and that is said.
    assert_eq!(reading.diagnostics.len(), 1, "{}", shown(&reading.diagnostics, text));
    let draft = reading.draft;
    assert_eq!(draft.name, "marketing site");
    assert_eq!(draft.units[1].criticality, 1);
    assert!(draft.units[0].listens_to(seglab_policy::Header::to_port(Transport::Tcp, 443)));
    let rules = &draft.rulebooks[0].tiers[0].rules;
    assert_eq!((rules[0].from.clone(), rules[0].directions), (Peer::internet(), Directions::ALL));
    assert_eq!(rules[1].provenance.owner.as_deref(), Some("marketing"));
    assert_eq!(rules[1].provenance.span.unwrap().line, 11);
    assert_eq!(draft.points[0].kind, PointKind::Agent);
    assert_eq!(draft.points[0].placement, Placement::Units(Selector::label("env", "prod")));
    let site = Selector::In { key: "app".into(), values: vec!["mail-db".into(), "web".into()] };
    assert_eq!(
        draft.properties[0].claim,
        Claim::Isolated {
            from: Peer::Units(site.clone()),
            to: Peer::Units(Selector::Not(Box::new(site))),
            services: vec![Service::Any],
        }
    );
    assert_eq!(draft.properties[0].id, "isolated-1");
    // What the file does not say is a default that the results rest on, and is printed.
    let ids: Vec<&str> = draft.assumptions.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["need-rate-default", "attacker-default", "attacker-default", "attacker-default"]);
    seglab_policy::Design::new(draft).unwrap();
}

#[test]
fn units_in_their_long_form() {
    let text = "
seglab: 1
units:
  - name: web
    addresses: [10.0.0.0/24]
    space: vpc
    zone: dmz
    reachable: outbound
    replicas: 2
    listens: [tcp/443, {port: tcp/8080, name: http}, tcp/30000-30100]
    host: hv1
    vulnerabilities: [{name: CVE-1, service: tcp/443}]
    credentials: [db-password]
    logins: [{credential: admin, service: tcp/22}]
    agent: false
  - {name: hv1}
  - name: gateway
    site: paris
    interfaces: [{address: 10.0.0.1, zone: a, shared: true, inbound: false}, {address: unknown IPv6, site: rome}]
";
    let units = reading(text).draft.units;
    let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
    assert_eq!(names, ["web#1", "web#2", "hv1", "gateway"]);
    assert_eq!((units[0].owner.as_deref(), units[0].display_name()), (Some("web"), "web"));
    let interface = &units[1].interfaces[0];
    assert_eq!(interface.address, Address::Within("10.0.0.0/24".parse().unwrap()));
    assert_eq!((interface.space.as_str(), interface.inbound, interface.outbound), ("vpc", false, true));
    assert_eq!(units[0].listeners[1].name.as_deref(), Some("http"));
    assert_eq!((units[0].listeners[2].first, units[0].listeners[2].last), (30000, 30100));
    assert!(!units[0].can_host_agent && units[2].can_host_agent);
    assert_eq!((units[0].vulnerabilities[0].port, units[0].logins[0].port), (443, 22));
    assert_eq!(units[2].interfaces[0].address, Address::Unknown(Family::V4));
    let [first, second] = units[3].interfaces.as_slice() else { panic!("two interfaces") };
    assert_eq!((first.shared, first.inbound, first.place.site.as_deref()), (true, false, Some("paris")));
    assert_eq!((second.address, second.place.site.as_deref()), (Address::Unknown(Family::V6), Some("rome")));
}

#[test]
fn addresses_of_replicas() {
    let text = "seglab: 1\nunits:\n  - {name: a, addresses: [10.0.0.1, 10.0.0.2], replicas: 2}\n";
    let units = reading(text).draft.units;
    assert_eq!(units[0].interfaces.len(), 1);
    assert_eq!(units[1].interfaces[0].address, Address::Known("10.0.0.2".parse().unwrap()));
}

#[test]
fn rulebooks_of_several_tiers() {
    let text = "
seglab: 1
units: [{name: a, labels: {x: 1}}, {name: b, labels: {x: 2}}]
policies:
  edge:
    stateful: false
    default: allow
    tiers:
      - {name: t1, order: first-match, scope: {egress: x=1, ingress: [x=1, b]}, otherwise: deny,
         rules: [{pass: {from: a, to: any, services: [tcp/22, udp/53]}, priority: 10, at: [egress, ingress]}]}
  plain:
    - deny: {from: any, to: [10.0.0.0/8, 192.168.0.0/16]}
enforcement:
  - appliance: {around: {zone: dmz}, policy: edge, at: forward, mode: alert, controller: console}
  - appliance: {between: site, policy: plain}
  - appliance: {between: zone, policy: plain, name: inner}
";
    let draft = reading(text).draft;
    let [edge, plain] = draft.rulebooks.as_slice() else { panic!("two rulebooks") };
    assert_eq!((edge.stateful, edge.default_allow, plain.stateful, plain.default_allow), (false, true, true, false));
    let tier = &edge.tiers[0];
    assert_eq!(tier.order, Order::FirstMatch);
    assert_eq!(
        tier.scope,
        Scope::Units {
            egress: vec![Selector::label("x", "1")],
            ingress: vec![Selector::label("x", "1"), Selector::Named("b".into())],
        }
    );
    assert_eq!((tier.rules[0].priority, tier.rules[0].directions), (10, Directions::UNIT));
    assert_eq!(tier.rules[0].services.len(), 2);
    let Peer::Addresses { set, covers: Covers::All } = &plain.tiers[0].rules[0].to else { panic!("addresses") };
    assert_eq!(set.to_string(), "10.0.0.0-10.255.255.255,192.168.0.0-192.168.255.255");
    let names: Vec<&str> = draft.points.iter().map(|point| point.name.as_str()).collect();
    assert_eq!(names, ["appliance", "appliance-2", "inner"]);
    assert_eq!(draft.points[0].placement, Placement::Around(Level::Zone, "dmz".into()));
    assert_eq!((draft.points[1].rulebook.0, draft.points[1].directions), (1, Directions::ALL));
}

#[test]
fn the_native_policy_denies_what_it_does_not_allow() {
    use seglab_policy::{Assume, Connection, Design, Endpoint, Header, UnitId};
    let text = "
seglab: 1
units: [{name: a}, {name: b}]
policy:
  - allow: {from: a, to: b, service: tcp/80-90}
  - deny: {from: any, to: b, service: tcp/85}
";
    let design = Design::new(reading(text).draft).unwrap();
    let allowed = |from: u32, to: u32, port| {
        let end = |unit| Endpoint::Unit { unit: UnitId(unit), interface: 0 };
        let header = Header::to_port(Transport::Tcp, port);
        let connection = Connection { source: end(from), destination: end(to), header };
        design.evaluate(&connection, Assume::business()).verdict.is_allowed()
    };
    assert!(allowed(0, 1, 80) && !allowed(0, 1, 85) && !allowed(0, 1, 91) && !allowed(1, 0, 80));
}

#[test]
fn without_a_policy_everything_is_allowed_and_that_is_said() {
    let reading = reading("seglab: 1\nunits: [{name: a}]\n");
    assert!(reading.draft.points.is_empty() && reading.draft.assumptions.is_empty());
    assert_eq!(reading.diagnostics[0].code, "no-policy");
    // Said on purpose, it needs no warning.
    assert!(read("seglab: 1\nunits: [{name: a}]\nenforcement: []\n").unwrap().diagnostics.is_empty());
}

#[test]
fn a_part_brings_everything_but_enforcement() {
    let file = |path: &str, text: &str| lab::parse(&File { path: path.to_owned(), text: text.to_owned() }).unwrap();
    let part = file(
        "company.yaml",
        "
seglab: 1
units: [{name: a}, {name: b}]
segments: {everyone: a or b}
policy: [{allow: {from: a, to: b}}]
needs: [{from: a, to: b, service: tcp/1}]
properties: [{isolated: {from: b, to: a}}]
",
    );
    let whole = file(
        "design.yaml",
        "
seglab: 1
sources: [{lab: company.yaml}]
units: [{name: c}]
policies: {own: [{allow: {from: everyone, to: c}}]}
enforcement: [{host: {on: all}}, {agent: {on: c, policy: own}}]
properties: [{isolated: {from: c, to: a}}]
",
    );
    assert_eq!(whole.sources()[0].path, "company.yaml");
    let draft = lab::merge(&whole, vec![lab::merge_part(&part, Vec::new()).unwrap()]).unwrap().draft;
    assert_eq!(draft.sources.len(), 2);
    assert_eq!(draft.units.len(), 3);
    let names: Vec<&str> = draft.rulebooks.iter().map(|book| book.name.as_str()).collect();
    assert_eq!(names, ["policy", "own"]);
    assert_eq!((draft.points[0].rulebook.0, draft.points[1].rulebook.0), (0, 1));
    let ids: Vec<&str> = draft.properties.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["isolated-1", "isolated-2"]);
    // Places point into the file that they are of.
    assert_eq!(draft.needs[0].provenance.span.unwrap().source.0, 1);
    assert_eq!(draft.properties[1].provenance.span.unwrap().source.0, 0);
    assert!(draft.assumptions.iter().all(|one| one.id != "ideal-enforcement"));
}

#[test]
fn units_from_csv() {
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let csv = "name,labels,addresses,listens,critical,agent,zone\n\
               web,app=web env=prod,10.0.0.1;10.0.0.2,tcp/80 tcp/443,,false,dmz\n\
               \"db\",\"app=db\",,,1,,\n";
    let units = lab::units_csv(&file("units.csv", csv)).unwrap();
    let whole = lab::parse(&file(
        "seglab.yaml",
        "seglab: 1\nunits: units.csv\nneeds: [{from: app=web, to: db, service: tcp/1}]\n",
    ));
    let whole = whole.unwrap();
    assert_eq!((whole.sources()[0].kind, whole.sources()[0].path.as_str()), (lab::PartKind::Units, "units.csv"));
    let draft = lab::merge(&whole, vec![units]).unwrap().draft;
    assert_eq!(draft.units[0].labels["env"], "prod");
    assert_eq!((draft.units[0].interfaces.len(), draft.units[0].listeners.len()), (2, 2));
    assert_eq!((draft.units[1].criticality, draft.units[1].can_host_agent), (1, true));
    let span = draft.units[1].provenance.span.unwrap();
    assert_eq!((span.source.0, span.line), (1, 3));
}

#[test]
fn kubernetes_namespaces_by_their_short_name() {
    let text = "
seglab: 1
units: [{name: a, labels: {'namespace:kubernetes.io/metadata.name': shop}}]
segments: {shop: namespace=shop}
";
    let draft = reading(text).draft;
    assert_eq!(draft.segments[0].selector, Selector::label("namespace:kubernetes.io/metadata.name", "shop"));
    let own = reading("seglab: 1\nunits: [{name: a, labels: {namespace: shop}}]\nsegments: {shop: namespace=shop}\n");
    assert_eq!(own.draft.segments[0].selector, Selector::label("namespace", "shop"));
}

#[test]
fn what_is_ignored_is_an_assumption() {
    let parts = |text: &str| {
        let file = File { path: "a.yaml".to_owned(), text: text.to_owned() };
        lab::merge_part(&lab::parse(&file).unwrap(), Vec::new()).unwrap()
    };
    let part = parts("seglab: 1\nunits: [{name: a}]\nunmodelled: [{what: Widget shop/x}, {what: Gadget shop/y}]\n");
    let text = "seglab: 1\nsources: [{lab: a.yaml}]\nignore: [{kind: Widget, reason: no traffic, owner: ops}]\nenforcement: []\n";
    let whole = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
    let draft = lab::merge(&whole, vec![part]).unwrap().draft;
    assert_eq!(draft.unmodelled.len(), 1);
    assert_eq!(draft.assumptions[0].text, "1 object of the kind Widget left out of the model: no traffic, says ops");
    let [ignored] = draft.ignored.as_slice() else { panic!("{:?}", draft.ignored) };
    let said = &ignored.provenance;
    assert_eq!((ignored.kind.as_str(), ignored.count, said.owner.as_deref()), ("Widget", 1, Some("ops")));
    assert_eq!((said.reason.as_deref(), said.span.unwrap().line), (Some("no traffic"), 3));
    let none = read(&text.replace("sources: [{lab: a.yaml}]", "units: [{name: a}]")).unwrap();
    assert_eq!(none.diagnostics[0].code, "ignores-nothing");
}

/// Harmless kinds of several parts are one entry each; nothing that was read is passed over in silence.
#[test]
fn harmless_kinds_are_counted() {
    let manifests = |kinds: &[(&str, &str)]| {
        let text: String = kinds
            .iter()
            .map(|(version, kind)| format!("---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\n"))
            .collect();
        let files = [File { path: "m.yaml".to_owned(), text }];
        seglab_formats::kubernetes::read(&files, &seglab_formats::kubernetes::Options::default()).unwrap()
    };
    let parts = vec![
        manifests(&[("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "ConfigMap")]),
        manifests(&[("v1", "ConfigMap"), ("kustomize.config.k8s.io/v1beta1", "Kustomization")]),
    ];
    let text = "seglab: 1\nsources: [{kubernetes: a}, {kubernetes: b}]\npolicy: []\n";
    let lab = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
    let draft = lab::merge(&lab, parts).unwrap().draft;
    let said: Vec<String> = draft
        .ignored
        .iter()
        .map(|one| format!("{} {}: {}", one.count, one.kind, one.provenance.reason.as_deref().unwrap_or_default()))
        .collect();
    assert_eq!(said[..2], ["3 ConfigMap: changes no connection", "1 Secret: changes no connection"]);
    assert!(said[2].starts_with("1 Kustomization: assumed: files beside a kustomization"), "{said:?}");
    assert_eq!(said.len(), 3);
}

#[test]
fn names_of_designs() {
    for (path, name) in
        [("shop/seglab.yaml", "shop"), ("./seglab.yaml", "seglab"), ("designs/flat.yaml", "flat"), ("-", "-")]
    {
        let file = File { path: path.to_owned(), text: "seglab: 1\n".to_owned() };
        assert_eq!(lab::merge(&lab::parse(&file).unwrap(), Vec::new()).unwrap().draft.name, name);
    }
}

#[test]
fn points_of_parts_keep_their_rulebooks() {
    let part = |name: &str| {
        let text = format!(
            "seglab: 1\npolicies: {{{name}: []}}\nenforcement: [{{host: {{name: {name}, on: all, policy: {name}}}}}]\n"
        );
        lab::merge_part(&lab::parse(&File { path: format!("{name}.yaml"), text }).unwrap(), Vec::new()).unwrap()
    };
    let text = "seglab: 1\nsources: [{lab: a.yaml}, {lab: b.yaml}]\nunits: [{name: u}]\n";
    let whole = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
    let draft = lab::merge(&whole, vec![part("a"), part("b")]).unwrap().draft;
    for point in &draft.points {
        assert_eq!(draft.rulebooks[point.rulebook.0 as usize].name, point.name);
    }
}

#[test]
fn a_claim_about_units_that_do_not_exist_yet() {
    let of = |from: &str| {
        let text = format!(
            "seglab: 1\nunits:\n  - {{name: web, labels: {{app: web, stage: production}}}}\npolicy: []\nproperties:\n  - isolated: {{from: {from}, to: scope=pci, ever: true}}\n"
        );
        let reading = super::read(&text).unwrap();
        let design = seglab_policy::Design::new(reading.draft).unwrap();
        assert_eq!(design.properties()[0].claim.kind(), "isolated-ever");
        reading.diagnostics.iter().map(|one| (one.code, one.help.clone().unwrap_or_default())).collect::<Vec<_>>()
    };
    assert_eq!(of("env=dev"), [], "that nobody is meant yet is the point");
    let slip = of("stage=prodution");
    assert_eq!(slip.len(), 1, "{slip:?}");
    assert!(slip[0].1.contains("stage=production"), "{slip:?}");
}

/// The lab files of the page on claims are read, and name every kind.
#[test]
fn the_page_on_claims_is_of_lab_files() {
    let page = include_str!("../../../../docs/properties.md");
    let mut kinds = std::collections::BTreeSet::new();
    for block in page.split("```yaml\n").skip(1) {
        let text = block.split("```").next().unwrap();
        let mut file = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
        let compared: Vec<String> = file.compared().map(|(path, _)| path.to_owned()).collect();
        compared.into_iter().for_each(|path| file.compare(Reference::new(path, Draft::default()).unwrap()));
        let reading = lab::merge(&file, Vec::new()).unwrap_or_else(|said| panic!("{}", shown(&said.diagnostics, text)));
        assert!(reading.diagnostics.is_empty(), "{}", shown(&reading.diagnostics, text));
        kinds.extend(reading.draft.properties.iter().map(|property| property.claim.kind()));
    }
    for kind in kinds {
        let told = [format!("- **`{kind}`**"), format!("in outputs `{kind}`")];
        assert!(told.iter().any(|told| page.contains(told)), "{kind} is not explained");
    }
}

#[test]
fn the_page_on_attackers_is_of_a_lab_file() {
    let page = include_str!("../../../../docs/attack.md");
    let block = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let head = "seglab: 1\nunits: [{name: pc, labels: {os: linux}}]\nsegments: {workstations: pc}\npolicy: []\n";
    let draft = reading(&format!("{head}{block}")).draft;
    assert_eq!(draft.attackers[0].strategy, seglab_policy::Strategy::Targeted);
    assert_eq!(draft.monitor.unwrap().defence.triage.unwrap().analysts, 2);
    for key in ["gives", "present", "escalations", "needs-root", "analysts", "missed", "false-alarms", "established"] {
        assert!(page.contains(&format!("| `{key}`")) || page.contains(&format!("`{key}`, ")), "{key} is not explained");
    }
}

/// The designs that claims are held against are named with their places, and have to be given.
#[test]
fn designs_that_claims_are_held_against_are_given() {
    let text = "
seglab: 1
units: [{name: web}]
properties:
  - within: {design: approved.yaml}
  - equal: {design: approved.yaml, trust: own-agent-void, view: service}
";
    let mut file = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
    let compared: Vec<_> = file.compared().map(|(path, span)| (path, span.line, span.column)).collect();
    assert_eq!(compared, [("approved.yaml", 5, 22), ("approved.yaml", 6, 21)]);
    let missing = lab::merge(&file, Vec::new()).unwrap_err();
    assert_eq!(
        missing.diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(),
        ["no-policy", "not-read", "not-read"]
    );
    assert!(lab::merge(&file.clone().without_claims(), Vec::new()).unwrap().draft.properties.is_empty());

    let approved =
        reading("{seglab: 1, units: [{name: web}], needs: [{from: web, to: internet, service: tcp/1}]}").draft;
    file.compare(Reference::new("approved.yaml", approved).unwrap());
    let draft = lab::merge(&file, Vec::new()).unwrap().draft;
    let Claim::Within { reference } = &draft.properties[0].claim else { panic!("{:?}", draft.properties) };
    assert_eq!((reference.design.units().len(), reference.design.needs().len()), (1, 0));
    assert_eq!(draft.properties[0].trust, Trust::Intact, "the policy before an attack");
    let written = lab::write(&Design::new(draft).unwrap());
    assert!(written.contains("equal: {id: equal-1, design: approved.yaml"), "{written}");
    for (key, value) in [("pivot", "any"), ("hops", "2")] {
        let text = text.replace("trust: own-agent-void", &format!("{key}: {value}"));
        let file = lab::parse(&File { path: "seglab.yaml".to_owned(), text }).unwrap();
        let refused = lab::merge(&file, Vec::new()).unwrap_err();
        assert!(refused.diagnostics.iter().any(|one| one.code == "not-read"), "{key}");
    }
}

/// A lab file says of each source of manifests what they leave open; what it does not say is as it was.
#[test]
fn sources_of_manifests_say_how_they_are_read() {
    let text = "
seglab: 1
sources:
  - kubernetes: plain
  - kubernetes: {path: here, ip-blocks: all, pod-addresses: [10.244.0.0/16, 'fd00::/64']}
  - kubernetes: {path: there, ip-blocks: all, pod-addresses: 10.244.0.0/16}
";
    let parse = |text: &str| lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() });
    let otherwise = [("there, ip-blocks: all", "there, ip-blocks: external"), ("10.244.0.0/16}", "10.245.0.0/16}")];
    for (said, other) in otherwise {
        let error = parse(&text.replace(said, other)).unwrap_err();
        let found: Vec<_> = error.diagnostics.iter().map(|one| (one.code, one.span.map(|span| span.line))).collect();
        assert_eq!(found, [("contradiction", Some(6))], "one cluster: {other}");
    }
    let file = parse(text).unwrap();
    let paths: Vec<_> = file.sources().iter().map(|part| (part.path.as_str(), part.span.line)).collect();
    assert_eq!(paths, [("plain", 4), ("here", 5), ("there", 6)]);
    let nets = |texts: &[&str]| {
        let nets = texts.iter().map(|text| text.parse().unwrap());
        nets.map(|net| (Address::Within(net).family(), net)).collect::<std::collections::BTreeMap<_, _>>()
    };
    let given = kubernetes::Options { ip_block_covers: Covers::All, ..kubernetes::Options::default() };
    let [plain, here, there] = [0, 1, 2].map(|at| file.sources()[at].kubernetes(&given));
    assert_eq!(plain, given);
    assert_eq!((here.ip_block_covers, here.pod_addresses), (Covers::All, nets(&["10.244.0.0/16", "fd00::/64"])));
    assert_eq!((there.ip_block_covers, there.pod_addresses), (Covers::All, nets(&["10.244.0.0/16"])));
}

/// Clusters that are read alike make one choice, others make one each; each is about the tiers of its own rulebooks.
#[test]
fn choices_of_parts_keep_their_tiers() {
    let cluster = |namespace: &str, covers: Covers| {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: {namespace}}}\n\
             spec: {{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: 10.0.0.0/8}}}}]}}]}}\n"
        );
        let options = kubernetes::Options { ip_block_covers: covers, ..kubernetes::Options::default() };
        let mut reading = kubernetes::read(&[File { path: "p.yaml".to_owned(), text }], &options).unwrap();
        reading.draft.rulebooks[0].name = namespace.to_owned();
        reading.draft.points[0].name = namespace.to_owned();
        reading.draft.properties.clear();
        reading
    };
    let text = "seglab: 1\nsources: [{kubernetes: a}, {kubernetes: b}, {kubernetes: c}]\nunits: [{name: u, addresses: [10.0.0.1]}]\n";
    let whole = lab::parse(&File { path: "seglab.yaml".to_owned(), text: text.to_owned() }).unwrap();
    let parts = vec![cluster("a", Covers::External), cluster("b", Covers::All), cluster("c", Covers::External)];
    let design = Design::new(lab::merge(&whole, parts).unwrap().draft).unwrap();
    let concerned: Vec<Vec<u32>> = design
        .choices()
        .iter()
        .map(|choice| design.rules_changed_by(choice).iter().map(|rule| rule.rulebook.0).collect())
        .collect();
    assert_eq!(concerned, [vec![0, 2], vec![1]]);
    let stated = design.choices().iter().all(|choice| design.assumptions().contains(&choice.assumption));
    assert!(stated, "{:?}", design.assumptions());
}
