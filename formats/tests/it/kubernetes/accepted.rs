//! What policies come to: rules, scopes and verdicts.

use super::data::{design, file, reading};
use super::reach::{allowed, endpoint};
use seglab_formats::kubernetes::{Options, read};
use seglab_policy::{
    Address, Assume, Connection, Covers, Design, Endpoint, Family, Header, Transport, UnitId, Verdict,
};

fn pod(name: &str, labels: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n\
         spec: {{containers: [{{name: c, ports: [{{containerPort: 8080, name: http}}]}}]}}\n---\n"
    )
}

fn policy(name: &str, spec: &str) -> String {
    format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n")
}

fn unit(design: &Design, name: &str) -> UnitId {
    design.unit_named(name).unwrap_or_else(|| panic!("no unit {name}"))
}

/// Whether the pod `from` may connect to the pod `to`.
fn between(design: &Design, from: &str, to: &str, header: Header) -> bool {
    let [from, to] = [from, to].map(|name| endpoint(design, unit(design, &format!("default/{name}[Pod]")), Family::V4));
    allowed(design, from, to, header)
}

fn tcp(port: u16) -> Header {
    Header::to_port(Transport::Tcp, port)
}

#[test]
fn types_are_filled_in_as_the_api_server_does() {
    let base = pod("a", "app: a") + &pod("b", "app: b");
    let cases = [
        // policy for b, then: may a connect to b, may b connect to a
        ("{podSelector: {matchLabels: {app: b}}}", false, true),
        ("{podSelector: {matchLabels: {app: b}}, egress: []}", false, true),
        ("{podSelector: {matchLabels: {app: b}}, egress: [{ports: [{port: 1}]}]}", false, false),
        ("{podSelector: {matchLabels: {app: b}}, policyTypes: [Egress]}", true, false),
        ("{podSelector: {matchLabels: {app: b}}, policyTypes: [Egress], ingress: []}", true, false),
        ("{podSelector: {matchLabels: {app: b}}, policyTypes: [], ingress: [{}]}", true, true),
        ("{podSelector: , policyTypes: [Egress], egress: [{to: }]}", true, true),
    ];
    for (spec, inward, outward) in cases {
        let design = design(&file(&(base.clone() + &policy("p", spec))));
        assert_eq!(between(&design, "a", "b", tcp(80)), inward, "a to b under {spec}");
        assert_eq!(between(&design, "b", "a", tcp(80)), outward, "b to a under {spec}");
    }
}

#[test]
fn peers_and_ports_have_to_match_together() {
    let spec = "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{podSelector: {matchLabels: {app: a}}}], \
                ports: [{port: http}, {port: 90, endPort: 95, protocol: UDP}]}]}";
    let text = pod("a", "app: a") + &pod("b", "app: b") + &pod("c", "app: c") + &policy("p", spec);
    let design = design(&file(&text));
    assert!(between(&design, "a", "b", tcp(8080)), "the named port");
    assert!(!between(&design, "a", "b", tcp(8081)));
    assert!(between(&design, "a", "b", Header::to_port(Transport::Udp, 95)));
    assert!(!between(&design, "a", "b", Header::to_port(Transport::Tcp, 95)));
    assert!(!between(&design, "c", "b", tcp(8080)));
    assert!(!between(&design, "a", "b", Header::Icmp { kind: 8, code: 0 }));
}

#[test]
fn a_pod_selector_alone_is_of_the_same_namespace() {
    let spec = |peer: &str| format!("{{podSelector: {{}}, ingress: [{{from: [{peer}]}}]}}");
    let elsewhere = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: far, labels: {app: a}}\n\
                     spec: {containers: []}\n---\n";
    let cases = [
        ("{podSelector: {matchLabels: {app: a}}}", true, false),
        ("{namespaceSelector: {}, podSelector: {matchLabels: {app: a}}}", true, true),
        ("{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: far}}}", false, true),
        ("{namespaceSelector: {matchExpressions: [{key: team, operator: DoesNotExist}]}}", true, true),
    ];
    for (peer, near, far) in cases {
        let text = pod("a", "app: a") + &pod("b", "app: b") + elsewhere + &policy("p", &spec(peer));
        let design = design(&file(&text));
        assert_eq!(between(&design, "a", "b", tcp(80)), near, "{peer}");
        let [from, to] =
            ["far/x[Pod]", "default/b[Pod]"].map(|name| endpoint(&design, unit(&design, name), Family::V4));
        assert_eq!(allowed(&design, from, to, tcp(80)), far, "{peer} from afar");
    }
}

#[test]
fn every_operator_of_a_selector_is_as_kubernetes_has_it() {
    // Who of a (app: a, tier: web), b (app: b) and c (no labels) may connect to c.
    let cases = [
        ("{matchLabels: {app: a}}", [true, false]),
        ("{matchLabels: {app: a, tier: db}}", [false, false]),
        ("{matchExpressions: [{key: app, operator: In, values: [b, c]}]}", [false, true]),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [b, c]}]}", [true, false]),
        ("{matchExpressions: [{key: tier, operator: NotIn, values: [db]}]}", [true, true]),
        ("{matchExpressions: [{key: tier, operator: Exists}]}", [true, false]),
        ("{matchExpressions: [{key: tier, operator: DoesNotExist}]}", [false, true]),
        ("{matchLabels: {app: a}, matchExpressions: [{key: tier, operator: DoesNotExist}]}", [false, false]),
        ("{matchExpressions: [{key: app, operator: Exists}, {key: tier, operator: DoesNotExist}]}", [false, true]),
        ("{}", [true, true]),
    ];
    let pods = pod("a", "app: a, tier: web") + &pod("b", "app: b") + &pod("c", "");
    for (selector, expected) in cases {
        let namespaced =
            policy("p", &format!("{{podSelector: {{}}, ingress: [{{from: [{{podSelector: {selector}}}]}}]}}"));
        let design = design(&file(&(pods.clone() + &namespaced)));
        assert_eq!(["a", "b"].map(|from| between(&design, from, "c", tcp(80))), expected, "{selector}");
    }
}

#[test]
fn address_ranges_speak_of_external_addresses_unless_told_otherwise() {
    let spec = "{podSelector: {matchLabels: {app: b}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}";
    let files = file(&(pod("a", "app: a") + &pod("b", "app: b") + &policy("p", spec)));
    let outside = Endpoint::External("192.0.2.1".parse().unwrap());
    let outside_v6 = Endpoint::External("2001:db8::1".parse().unwrap());
    for (covers, pods) in [(Covers::External, false), (Covers::All, true)] {
        let reading = read(&files, &Options { ip_block_covers: covers, ..Options::default() }).unwrap();
        let design = Design::new(reading.draft).unwrap();
        assert_eq!(between(&design, "a", "b", tcp(80)), pods);
        let b = unit(&design, "default/b[Pod]");
        assert!(allowed(&design, outside, endpoint(&design, b, Family::V4), tcp(80)));
        assert!(!allowed(&design, outside_v6, endpoint(&design, b, Family::V6), tcp(80)), "another family");
    }
}

/// The two ways are one choice of the design, about the rules whose ranges hold pods, and about no other tier.
#[test]
fn whom_address_ranges_speak_of_is_a_choice() {
    let ingress = "[{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {ipBlock: {cidr: 10.244.7.0/24}}]}]";
    let spec = format!("{{podSelector: {{matchLabels: {{app: b}}}}, ingress: {ingress}}}");
    let pods = pod("a", "app: a") + &pod("b", "app: b");
    let host = "apiVersion: v1\nkind: Pod\nmetadata: {name: h}\nspec: {hostNetwork: true, containers: []}\n---\n";
    let text =
        pods + host + &policy("p", &spec) + &cluster("c", "Admin", 1, "{action: Accept, from: [{namespaces: {}}]}");
    let range = "10.244.0.0/16".parse().unwrap();
    let [external, all, unknown] =
        [(Covers::External, true), (Covers::All, true), (Covers::External, false)].map(|(ip_block_covers, known)| {
            let pod_addresses = known.then_some((Family::V4, range)).into_iter().collect();
            let options = Options { ip_block_covers, pod_addresses, ..Options::default() };
            Design::new(read(&file(&text), &options).unwrap().draft).unwrap()
        });
    let addresses = |unit: usize| external.units()[unit].interfaces.iter().map(|one| one.address).collect::<Vec<_>>();
    assert_eq!(addresses(0), [Address::Within(range), Address::Unknown(Family::V6)]);
    assert_eq!(
        addresses(2),
        [Address::Unknown(Family::V4), Address::Unknown(Family::V6)],
        "on the network of its node"
    );
    // Only the first range holds all of the range that pods' addresses are drawn within.
    let choice = &external.choices()[0];
    let rules = external.rules_changed_by(choice);
    assert_eq!(rules.iter().map(|rule| (rule.tier, rule.rule)).collect::<Vec<_>>(), [(1, 0)]);
    let other = external.otherwise(choice).unwrap();
    assert_eq!(
        (other.rulebooks(), other.choices(), other.assumptions()),
        (all.rulebooks(), all.choices(), all.assumptions())
    );
    assert_eq!(unknown.otherwise(&unknown.choices()[0]), None);
}

fn cluster(name: &str, tier: &str, priority: u32, rule: &str) -> String {
    format!(
        "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\n\
         spec: {{tier: {tier}, priority: {priority}, subject: {{pods: {{podSelector: {{matchLabels: {{app: b}}}}}}}}, \
         ingress: [{rule}]}}\n---\n"
    )
}

#[test]
fn administrators_go_before_and_after_the_policies_of_namespaces() {
    let base = pod("a", "app: a") + &pod("b", "app: b");
    let peer = "from: [{namespaces: {}}]";
    let deny = cluster("deny", "Admin", 5, &format!("{{action: Deny, {peer}}}"));
    let accept = |priority| {
        cluster(
            "accept",
            "Admin",
            priority,
            &format!("{{action: Accept, {peer}, protocols: [{{tcp: {{destinationPort: {{number: 80}}}}}}]}}"),
        )
    };
    let pass =
        cluster("pass", "Admin", 3, &format!("{{action: Pass, {peer}, protocols: [{{destinationNamedPort: http}}]}}"));
    let baseline = cluster(
        "base",
        "Baseline",
        1,
        &format!(
            "{{action: Deny, {peer}, protocols: [{{tcp: {{destinationPort: {{range: {{start: 8000, end: 9000}}}}}}}}]}}"
        ),
    );
    let open = policy("open", "{podSelector: {matchLabels: {app: b}}, ingress: [{}]}");
    let cases = [
        // what there is, then: ports 80, 8080 and 22
        (deny.clone(), [false, false, false]),
        (format!("{deny}{}", accept(4)), [true, false, false]),
        (format!("{deny}{}", accept(6)), [false, false, false]),
        (format!("{deny}{pass}"), [false, true, false]),
        (format!("{deny}{pass}{baseline}"), [false, false, false]),
        (format!("{deny}{pass}{baseline}{open}"), [false, true, false]),
        (baseline.clone(), [true, false, true]),
        (format!("{baseline}{open}"), [true, true, true]),
    ];
    for (policies, expected) in cases {
        let design = design(&file(&format!("{base}{policies}")));
        assert_eq!([80, 8080, 22].map(|port| between(&design, "a", "b", tcp(port))), expected, "{policies}");
    }
}

#[test]
fn equal_priorities_whose_order_matters_are_unknown() {
    let peer = "from: [{namespaces: {}}]";
    let text = pod("a", "app: a")
        + &pod("b", "app: b")
        + &cluster("x", "Admin", 5, &format!("{{action: Deny, {peer}, protocols: [{{tcp: {{}}}}]}}"))
        + &cluster("y", "Admin", 5, &format!("{{action: Accept, {peer}}}"));
    let design = design(&file(&text));
    let verdict = |header| {
        let [source, destination] =
            ["default/a[Pod]", "default/b[Pod]"].map(|name| endpoint(&design, unit(&design, name), Family::V6));
        design.evaluate(&Connection { source, destination, header }, Assume::business()).verdict
    };
    assert!(matches!(verdict(tcp(80)), Verdict::Unknown(_)));
    assert!(verdict(Header::to_port(Transport::Udp, 80)).is_allowed());
}

#[test]
fn a_peer_that_is_not_modelled_makes_what_it_touches_unknown() {
    let text = pod("a", "app: a")
        + &pod("b", "app: b")
        + &cluster("x", "Admin", 5, "{action: Deny, from: [{serviceAccounts: {}}], protocols: [{sctp: {}}]}");
    let design = design(&file(&text));
    let [source, destination] =
        ["default/a[Pod]", "default/b[Pod]"].map(|name| endpoint(&design, unit(&design, name), Family::V4));
    let verdict = |protocol| {
        let header = Header::to_port(protocol, 80);
        design.evaluate(&Connection { source, destination, header }, Assume::business()).verdict
    };
    assert!(matches!(verdict(Transport::Sctp), Verdict::Unknown(_)));
    assert!(verdict(Transport::Tcp).is_allowed());
}

#[test]
fn rules_know_their_object_and_line() {
    let spec = "\n  podSelector: {}\n  ingress:\n  - from:\n    - podSelector: {}\n    - namespaceSelector: {}\n";
    let reading = reading(&file(&(policy("p", spec) + &pod("a", ""))));
    let design = Design::new(reading.draft).unwrap();
    let places: Vec<_> = design
        .rules()
        .map(|(_, rule)| {
            let place = design.location(rule.provenance.span.unwrap());
            format!("{} {place}", rule.provenance.object.as_deref().unwrap())
        })
        .collect();
    assert_eq!(places, ["NetworkPolicy default/p m.yaml:8", "NetworkPolicy default/p m.yaml:9"]);
}
