//! What each parser reads, what it refuses and where, and that it reads what `Display` writes.

use super::*;
use proptest::prelude::*;
use seglab_policy::{AddressSet, AtMost, Covers, Family, IntervalSet, Peer, Selector, Service, Statistic, Transport};

/// The text with a caret line under it, as messages show it.
fn shown<T: std::fmt::Debug>(text: &str, result: Result<T, TextError>) -> String {
    let error = result.expect_err(text);
    let carets = "^".repeat(error.range.len().max(1));
    format!(
        "{text}\n{}{carets} {}\nhelp: {}",
        " ".repeat(error.range.start),
        error.message,
        error.help.unwrap_or_default()
    )
}

#[test]
fn selectors_read() {
    for (text, written) in [
        ("app=web", "app=web"),
        ("app == web", "app=web"),
        ("app!=web", "app!=web"),
        ("app in (b, a, a)", "app in (a, b)"),
        ("app not in (b, a)", "app not in (a, b)"),
        ("has pci and lacks test", "has pci and lacks test"),
        ("a=1 or b=2 and c=3", "a=1 or b=2 and c=3"),
        ("(a=1 or b=2) and c=3", "(a=1 or b=2) and c=3"),
        ("not app=web", "not app=web"),
        ("not (a=1 and b=2)", "not (a=1 and b=2)"),
        ("'two words'=\"in\"", "\"two words\"=\"in\""),
        ("shop/web[Deployment]", "shop/web[Deployment]"),
        ("any", "all"),
        ("none", "none"),
        ("all=1", "\"all\"=1"),
    ] {
        let read = selector(text, &AnyName);
        // A reserved word before `=` is refused too, with the way out.
        if text == "all=1" {
            assert!(read.unwrap_err().help.unwrap().contains("quotes"));
            continue;
        }
        assert_eq!(read.unwrap().to_string(), written, "{text}");
    }
}

#[test]
fn selectors_refused() {
    let cases = [
        "app=",
        "app web",
        "app=web & env=prod",
        "app in a",
        "app in (a",
        "(a=1",
        "a=1, b=2",
        "not",
        "a=1 AND b=2",
        "internet and a=1",
        "\"open",
    ];
    let all: Vec<String> = cases.into_iter().map(|text| shown(text, selector(text, &AnyName))).collect();
    insta::assert_snapshot!(all.join("\n\n"));
    let deep = "(".repeat(10_000);
    assert!(selector(&deep, &AnyName).unwrap_err().message.contains("nested"));
}

#[test]
fn peers_read() {
    for (text, written) in [
        ("any", "any"),
        ("external", "external"),
        ("internet", "internet"),
        ("app=web", "app=web"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.0/30, 10.0.0.4", "10.0.0.0-10.0.0.4"),
        ("10.0.0.0/8 except 10.0.0.0/9", "10.128.0.0-10.255.255.255"),
        ("fe80::/16", "fe80::-fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("external 10.0.0.0/31", "external 10.0.0.0-10.0.0.1"),
        ("no address", "no address"),
        ("\"10.0.0.1\"", "\"10.0.0.1\""),
        ("10.0.0.1=x", "10.0.0.1=x"),
        ("unmodelled \"fqdn: a.example\"", "unmodelled \"fqdn: a.example\""),
    ] {
        assert_eq!(peer(text, &AnyName).unwrap().to_string(), written, "{text}");
    }
}

#[test]
fn peers_refused() {
    let cases = [
        "",
        "10.0.0.0/33",
        "10.0.0.300",
        "10.0.0.9-10.0.0.1",
        "10.0.0.0/8 except 11.0.0.0/8",
        "10.0.0.0/8 and a=1",
        "external app=web",
        "10.0.0.1-fe80::1",
        "10.0.0.0/8,",
        "internet, 10.0.0.1",
    ];
    let all: Vec<String> = cases.into_iter().map(|text| shown(text, peer(text, &AnyName))).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn services_read() {
    for (text, written) in [
        ("any", "any"),
        ("tcp", "tcp"),
        ("TCP/443", "tcp/443"),
        ("tcp/443,80,8000-8999", "tcp/80,443,8000-8999"),
        ("tcp/443 from 1024-65535", "tcp/443 from 1024-65535"),
        ("udp from 53", "udp from 53"),
        ("tcp/http", "tcp/http"),
        ("tcp/8080-web", "tcp/8080-web"),
        ("port/http", "port/http"),
        ("icmp", "icmp"),
        ("icmp/8/0", "icmp/8/0"),
        ("icmpv6/any/3", "icmpv6/any/3"),
        ("proto/50", "proto/50"),
        ("proto/17", "udp"),
    ] {
        assert_eq!(service(text).unwrap().to_string(), written, "{text}");
    }
}

#[test]
fn services_refused() {
    let cases = [
        "",
        "443",
        "443/tcp",
        "tpc/443",
        "tcp/70000",
        "tcp/80,70000",
        "tcp/443-80",
        "tcp/",
        "tcp/*",
        "tcp 443",
        "any/443",
        "icmp/300",
        "icmp/8/0/1",
        "proto/esp",
        "port/443",
        "tcp/http,80",
        "tcp/http from 53",
        "tcp/443 from x",
    ];
    let all: Vec<String> = cases.into_iter().map(|text| shown(text, service(text))).collect();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn quantities_read() {
    for (text, ns) in [
        ("20min", 1_200_000_000_000),
        ("1h30min", 5_400_000_000_000),
        ("0.5s", 500_000_000),
        ("2d", 172_800_000_000_000),
        ("0s", 0),
        ("7 ns", 7),
    ] {
        assert_eq!(duration_ns(text), Ok(ns), "{text}");
    }
    assert_eq!(rate_per_second("2/s"), Ok(2.0));
    assert_eq!(rate_per_second("30/min"), Ok(0.5));
    assert_eq!(at_most("25%"), Ok(AtMost::Share(250_000)));
    assert_eq!(at_most("0.0001%"), Ok(AtMost::Share(1)));
    assert_eq!(at_most("2"), Ok(AtMost::Units(2)));
    assert_eq!(at_most("criticality 7"), Ok(AtMost::Criticality(7)));
    assert!(at_most("criticality").is_err() && at_most("criticality -1").is_err());
    assert_eq!(statistic("p99.9"), Ok(Statistic::Percentile(999)));
    for refused in ["p0", "p101", "p99.95", "p+5", "p", "p5.", "median", ""] {
        assert!(statistic(refused).is_err(), "{refused}");
    }
}

#[test]
fn quantities_refused() {
    let durations = ["", "5", "5m", "min", "5 parsecs", "1.2.3s", "0.5ns", "999999999d"];
    let rates = ["2", "0/s", "-1/s", "x/s", "2/m", "inf/s"];
    let bounds = ["x", "-1", "101%", "1.00001%", "%"];
    let all = (durations.map(|text| shown(text, duration_ns(text))).into_iter())
        .chain(rates.map(|text| shown(text, rate_per_second(text))))
        .chain(bounds.map(|text| shown(text, at_most(text))));
    insta::assert_snapshot!(all.collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn suggestions() {
    assert_eq!(nearest("form", ["from", "to"]), Some("from"));
    assert_eq!(nearest("web", ["database"]), None);
    assert_eq!(suggestion("x", ["long", "names"]).unwrap(), "known here: `long`, `names`");
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,5}",
        2 => proptest::sample::select(seglab_policy::RESERVED_WORDS.to_vec()).prop_map(str::to_owned),
        1 => "[a-z0-9.:/-]{1,9}",
        1 => "10\\.0\\.0\\.[0-9]{1,3}(/[0-9]{1,2})?",
        1 => proptest::sample::select(vec!["no", "except", "unmodelled", "from"]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Selectors in the form that the parser gives: several parts in every list of parts, values ascending.
fn selectors() -> impl Strategy<Value = Selector> {
    let values = || prop::collection::btree_set(word(), 0..3).prop_map(|set| set.into_iter().collect::<Vec<_>>());
    let leaf = prop_oneof![
        Just(Selector::Everything),
        Just(Selector::nothing()),
        word().prop_map(Selector::Named),
        (word(), values()).prop_map(|(key, values)| Selector::In { key, values }),
        (word(), values()).prop_map(|(key, values)| Selector::NotIn { key, values }),
        word().prop_map(Selector::Exists),
        word().prop_map(Selector::Absent),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Selector::All),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Selector::AnyOf),
            inner.prop_map(|inner| Selector::Not(Box::new(inner))),
        ]
    })
}

fn peers() -> impl Strategy<Value = Peer> {
    let sets = (prop::collection::vec(any::<(u32, u32)>(), 0..3), prop::collection::vec(any::<(u128, u128)>(), 0..2))
        .prop_map(|(v4, v6)| AddressSet { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) });
    prop_oneof![
        1 => Just(Peer::Anyone),
        1 => Just(Peer::external()),
        1 => Just(Peer::internet()),
        4 => selectors().prop_map(Peer::Units),
        3 => (sets, any::<bool>()).prop_map(|(set, all)| {
            Peer::Addresses { set, covers: if all { Covers::All } else { Covers::External } }
        }),
        1 => any::<String>().prop_map(Peer::Unmodelled),
    ]
}

fn services() -> impl Strategy<Value = Service> {
    let transport = || proptest::sample::select(Transport::ALL.to_vec());
    let ports = || {
        prop_oneof![
            Just(IntervalSet::full()),
            prop::collection::vec((any::<u16>(), 0..2000u16), 1..4)
                .prop_map(|all| IntervalSet::from_ranges(all.into_iter().map(|(a, n)| (a, a.saturating_add(n))))),
        ]
    };
    prop_oneof![
        Just(Service::Any),
        (transport(), ports(), ports()).prop_map(|(protocol, ports, source_ports)| Service::Ports {
            protocol,
            ports,
            source_ports
        }),
        (prop::option::of(transport()), "[a-z0-9][a-z0-9-]{0,6}[a-z]")
            .prop_map(|(protocol, name)| Service::NamedPort { protocol, name }),
        (proptest::sample::select(Family::ALL.to_vec()), any::<Option<u8>>(), any::<Option<u8>>())
            .prop_map(|(family, kind, code)| Service::Icmp { family, kind, code }),
        any::<u8>().prop_map(Service::protocol),
    ]
}

proptest! {
    #[test]
    fn selectors_read_what_they_write(given in selectors()) {
        prop_assert_eq!(selector(&given.to_string(), &AnyName), Ok(given));
    }

    #[test]
    fn peers_read_what_they_write(given in peers()) {
        // `any` and `all` are one selector and two peers; a peer that is the selector `all` is written so.
        prop_assert_eq!(peer(&given.to_string(), &AnyName), Ok(given));
    }

    #[test]
    fn services_read_what_they_write(given in services()) {
        prop_assert_eq!(service(&given.to_string()), Ok(given));
    }

    #[test]
    fn durations_read_what_they_write(ns in prop_oneof![any::<u64>(), (0..100u64).prop_map(|n| n * 60_000_000_000)]) {
        prop_assert_eq!(duration_ns(&write_duration(ns)), Ok(ns));
    }

    #[test]
    fn rates_read_what_they_write(rate in prop_oneof![1e-9..1e9f64, Just(1.0 / 60.0), Just(f64::MIN_POSITIVE)]) {
        prop_assert_eq!(rate_per_second(&write_rate(rate)), Ok(rate));
    }

    #[test]
    fn bounds_read_what_they_write(parts in 0..=1_000_000u32, units in any::<u32>()) {
        prop_assert_eq!(at_most(&AtMost::Share(parts).to_string()), Ok(AtMost::Share(parts)));
        prop_assert_eq!(at_most(&AtMost::Units(units).to_string()), Ok(AtMost::Units(units)));
        prop_assert_eq!(at_most(&AtMost::Criticality(units).to_string()), Ok(AtMost::Criticality(units)));
    }

    #[test]
    fn statistics_read_what_they_write(per_mille in 1..=1000u16) {
        for of in [Statistic::Max, Statistic::Mean, Statistic::Percentile(per_mille)] {
            prop_assert_eq!(statistic(&of.to_string()), Ok(of));
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), near in "[-a-z0-9./:=!(), \"'%]{0,20}") {
        for text in [text, near] {
            let length = text.chars().count();
            let errors = [
                selector(&text, &AnyName).err(), peer(&text, &AnyName).err(), service(&text).err(),
                duration_ns(&text).err(), rate_per_second(&text).err(), at_most(&text).err(),
                address_set(&text).err(), transport_ports(&text).err(),
            ];
            for error in errors.into_iter().flatten() {
                prop_assert!(error.range.start <= error.range.end && error.range.end <= length, "{:?}", error);
            }
        }
    }
}
