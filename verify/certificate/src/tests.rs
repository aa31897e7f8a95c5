//! Each obligation on its own: a case that nothing else refuses, and that passes once the obligation is taken out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use crate::{Design, Judge, Obligation, Question, Refusal, sha256};

/// A unit with its label, its host, whether paths to and from the outside exist, and further facts.
fn unit(name: &str, last: u8, host: &str, outside: &str, facts: &str) -> String {
    format!(
        "unit \"{name}\" - {host} 0 - yes - - - - -\nlabel \"app\" \"{name}\"\n\
         interface known 10.0.0.{last} \"default\" - - - no {outside} {outside}\n{facts}"
    )
}

fn allow(from: &str, to: &str, services: &str) -> String {
    format!("rule allow egress+ingress 0 {from} {to} {services} - - - - -\n")
}

fn app(name: &str) -> String {
    format!("units in \"app\" 1 \"{name}\"")
}

/// A normal form: units, allow rules of one tier that denies otherwise, a point that enforces it everywhere, a claim.
fn normal_form(units: &[String], rules: &[String], claim: &str, rest: &str) -> String {
    let text = format!(
        "seglab-normal-form 1\ndesign \"d\"\n{}rulebook \"native\" stateful deny\n\
         tier \"native\" deny-overrides deny everything\n{}\
         point \"ideal\" host enforce egress+ingress 0 no - units all - - - - -\n{claim}\n{rest}",
        units.concat(),
        rules.concat()
    );
    let lines = text.lines().count();
    format!("{text}end {lines}\n")
}

fn claim(pivot: &str, claim: &str) -> String {
    format!("property \"p\" policy {pivot} intact - {claim} - - - - -")
}

/// A claim of a design about another, both of the same units with rules of their own.
fn against(kind: &str, rules: &[String], other: &[String]) -> String {
    let units = || abc("-", "no", ["", ""]);
    let other = normal_form(&units(), other, "segment \"everybody\" all", "");
    let text = other.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    normal_form(&units(), rules, &claim("any", &format!("{kind} \"other.yaml\" \"{text}\"")), "")
}

/// A certificate of the first property.
fn certificate(normal_form: &str, proof: &str) -> String {
    let line = normal_form.lines().find(|line| line.starts_with("property")).unwrap();
    let text = format!(
        "seglab-certificate 1\ndesign {}\nclaim property 0 {}\nquestion as-declared anybody\n\
         by 2 0 ingress 0 egress\n{proof}",
        sha256(normal_form.as_bytes()),
        sha256(line.as_bytes())
    );
    format!("{text}end {}\n", text.lines().count())
}

fn check(normal_form: &str, certificate: &str, without: Option<Obligation>) -> Result<(), Refusal> {
    let design = Design::read(normal_form).unwrap();
    Judge::new(&design).unwrap().check_without(certificate, Question::default(), without).map(|_| ())
}

fn abc(host_of_c: &str, outside: &str, facts: [&str; 2]) -> Vec<String> {
    let [of_a, of_b] = facts;
    vec![
        unit("a", 1, "-", outside, of_a),
        unit("b", 2, "-", outside, of_b),
        unit("c", 3, host_of_c, outside, ""),
        unit("d", 4, "-", outside, ""),
    ]
}

/// A design and a certificate that only this obligation refuses.
fn case(obligation: Obligation) -> (String, String) {
    let plain = || abc("-", "no", ["", ""]);
    let isolated = |to: &str| claim("any", &format!("isolated {} {} 1 any", app("a"), app(to)));
    let a_to_b = || vec![allow(&app("a"), &app("b"), "1 any")];
    let design = match obligation {
        Obligation::Design | Obligation::Claim | Obligation::Question => normal_form(&plain(), &[], &isolated("c"), ""),
        Obligation::Starts | Obligation::Layers => normal_form(&plain(), &[], &isolated("c"), ""),
        Obligation::Closed => normal_form(&plain(), &a_to_b(), &isolated("c"), ""),
        Obligation::Guests => normal_form(&abc("\"b\"", "no", ["", ""]), &a_to_b(), &isolated("d"), ""),
        Obligation::HostedTargets => normal_form(&abc("\"b\"", "no", ["", ""]), &a_to_b(), &isolated("c"), ""),
        Obligation::Credentials => {
            let units = abc("-", "no", ["credential \"key\"\n", "login \"key\" tcp 22\n"]);
            let exploitable = claim("exploitable", &format!("isolated {} {} 1 any", app("a"), app("c")));
            normal_form(&units, &a_to_b(), &exploitable, "")
        }
        Obligation::Targets => normal_form(&plain(), &a_to_b(), &isolated("b"), ""),
        Obligation::Bound => {
            normal_form(&plain(), &a_to_b(), &claim("any", "blast-radius in \"app\" 1 \"a\" units 1"), "")
        }
        Obligation::Surface => {
            let surface = claim("any", "surface in \"app\" 1 \"b\" 0 -");
            normal_form(&plain(), &a_to_b(), &surface, "")
        }
        Obligation::Confined => {
            let exposed = "exposed 1 0.0.0.0-255.255.255.255 inbound in \"app\" 1 \"b\" 1 any";
            let rules = [allow("any", &app("a"), "1 ports tcp 1 443-443 1 0-65535")];
            normal_form(&abc("-", "yes", ["", ""]), &rules, &claim("any", exposed), "")
        }
        Obligation::Decides | Obligation::Idle => {
            normal_form(&plain(), &a_to_b(), &claim("any", "no-shadowed-rules -"), "")
        }
        Obligation::Changes => normal_form(&plain(), &a_to_b(), &claim("any", "no-redundant-rules -"), ""),
        Obligation::Ordered => {
            let of = |object: &str| a_to_b().concat().replace("- - - - -", &format!("- \"{object}\" - - -"));
            let rules = [of("one"), of("other").replace("rule allow", "rule deny")];
            let design = normal_form(&plain(), &rules, &claim("any", "no-undefined-order -"), "");
            design.replace("deny-overrides", "first-match-undefined-ties")
        }
        Obligation::Works => {
            let allowed = format!("allowed {} {} 1 any", app("a"), app("b"));
            normal_form(
                &plain(),
                &[allow(&app("a"), &app("b"), "1 ports tcp 1 443-443 1 0-65535")],
                &claim("any", &allowed),
                "",
            )
        }
        Obligation::Choice | Obligation::Chosen => {
            let allowed = format!("allowed {} addresses 1 10.0.0.3-10.0.0.3 1 any", app("a"));
            normal_form(&plain(), &a_to_b(), &claim("any", &allowed), "")
        }
        Obligation::Gained => against("within", &a_to_b(), &[]),
        Obligation::Lost => against("equal", &[], &a_to_b()),
        // The answers are stopped in the other design, where nobody remembers what they answer.
        Obligation::Answered => against("equal", &a_to_b(), &a_to_b())
            .replace("rulebook \\\"native\\\" stateful", "rulebook \\\"native\\\" stateless"),
    };
    let proof = match obligation {
        Obligation::Starts => "attack 0 0 0\nlayer 0 0\n",
        Obligation::Layers => "attack 1 0-0 0 0\nlayer 1 1-1 0\nlayer 0 0\n",
        Obligation::Guests | Obligation::Targets | Obligation::Bound => "attack 1 0-0 0 0\nlayer 1 1-1 0\n",
        Obligation::HostedTargets => "attack 1 0-0 0 0\nlayer 1 1-2 0\n",
        Obligation::Confined | Obligation::Surface | Obligation::Works | Obligation::Chosen => "",
        Obligation::Decides | Obligation::Changes => "witness 0 0 0 ingress unit 0 0 unit 2 0 tcp 443 49152\n",
        Obligation::Idle | Obligation::Ordered => "",
        Obligation::Gained | Obligation::Lost | Obligation::Answered => "",
        Obligation::Choice => "choose to unit 1 1 0-0\n",
        _ => "attack 1 0-0 0 0\nlayer 0 0\n",
    };
    let mut certificate = certificate(&design, proof);
    let spoil = |text: &str, from: &str| text.replacen(from, &format!("{from}00"), 1);
    match obligation {
        Obligation::Design => certificate = spoil(&certificate, "design "),
        Obligation::Claim => certificate = spoil(&certificate, "claim property 0 "),
        Obligation::Question => certificate = certificate.replacen("as-declared", "as-if-enforced", 1),
        _ => {}
    }
    (design, certificate)
}

#[test]
fn each_obligation_refuses_what_nothing_else_does() {
    for obligation in Obligation::ALL {
        let (design, certificate) = case(obligation);
        match check(&design, &certificate, None) {
            Err(Refusal::Unmet { obligation: unmet, .. }) => assert_eq!(unmet, obligation, "{certificate}"),
            other => panic!("{obligation:?}: {other:?}\n{certificate}"),
        }
        assert_eq!(check(&design, &certificate, Some(obligation)), Ok(()), "{obligation:?}");
    }
}

#[test]
fn the_same_cases_put_right_are_accepted() {
    let (design, wrong) = case(Obligation::Closed);
    check(&design, &wrong.replace("layer 0 0", "layer 1 1-1 0"), None).unwrap();
    let (design, wrong) = case(Obligation::Guests);
    check(&design, &wrong.replace("layer 1 1-1 0", "layer 1 1-2 0"), None).unwrap();
    let (design, wrong) = case(Obligation::Credentials);
    check(&design, &wrong.replace("layer 0 0", "layer 1 1-1 1 \"key\""), None).unwrap();
    for obligation in [Obligation::Decides, Obligation::Changes] {
        let (design, wrong) = case(obligation);
        check(&design, &wrong.replace("unit 2 0", "unit 1 0"), None).unwrap();
    }
    let (design, wrong) = case(Obligation::Idle);
    let idle = design.replacen("\"app\" 1 \"b\" 1 any", "\"app\" 1 \"nobody\" 1 any", 1);
    check(&idle, &certificate(&idle, ""), None).unwrap();
    assert!(check(&design, &wrong, None).is_err());
    let (design, _) = case(Obligation::Ordered);
    let ranked = design.replacen("rule deny egress+ingress 0", "rule deny egress+ingress 1", 1);
    check(&ranked, &certificate(&ranked, ""), None).unwrap();
    let (design, wrong) = case(Obligation::Starts);
    check(&design, &wrong.replace("attack 0 0 0", "attack 1 0-0 0 0"), None).unwrap();
}

/// Claims about single connections: what is possible is what `a` and the outside open to `b`.
#[test]
fn connections_are_confined_to_what_is_listed() {
    let web = "1 ports tcp 1 443-443 1 0-65535";
    let (a, b) = (app("a"), app("b"));
    let (of_a, of_b) = ("in \"app\" 1 \"a\"", "in \"app\" 1 \"b\"");
    let rules = [allow(&a, &b, "1 any"), allow("external 1 0.0.0.0-255.255.255.255", &b, web)];
    let outside = format!("external 1 0.0.0.0-255.255.255.255 {b} {web}");
    let cases = [
        (format!("egress-only-to {of_a} {b} 1 any"), true),
        (format!("egress-only-to {of_a} {b} {web}"), false),
        (format!("egress-only-to {of_a} units {of_a} 1 any"), false),
        (format!("egress-only-to {of_b} {b} 0"), true),
        (format!("only - 2 {a} {b} 1 any {outside}"), true),
        (format!("only - 1 {a} {b} 1 any"), false),
        (format!("only - 1 {outside}"), false),
        (format!("only all 1 {a} {b} 1 any"), true),
        ("default-deny all egress+ingress".to_owned(), true),
        (format!("surface {of_b} 2 0"), true),
        (format!("surface {of_b} 1 -"), false),
        (format!("surface {of_a} 0 1"), true),
        (format!("surface {of_a} 0 0"), false),
    ];
    for (what, holds) in cases {
        let design = normal_form(&abc("-", "yes", ["", ""]), &rules, &claim("any", &what), "");
        assert_eq!(check(&design, &certificate(&design, ""), None).is_ok(), holds, "{what}");
    }
    // What no rule allows passes by the default of a rulebook, however little the rules say.
    let open = |directions: &str| {
        let design = normal_form(
            &abc("-", "yes", ["", ""]),
            &rules,
            &claim("any", &format!("default-deny {of_a} {directions}")),
            "",
        );
        let design =
            design.replace("deny-overrides deny everything", "deny-overrides deny units 0 1 in \"app\" 1 \"a\"");
        design.replace("\"native\" stateful deny", "\"native\" stateful allow")
    };
    for (directions, holds) in [("ingress", true), ("egress", false), ("egress+ingress", false)] {
        let design = open(directions);
        assert_eq!(check(&design, &certificate(&design, ""), None).is_ok(), holds, "{directions}");
    }
}

/// `a` takes `b`, and `b` takes `c`; `d` takes nobody. Of criticality they have 0, but for `c` with 7.
#[test]
fn what_is_lost_is_counted_as_the_claim_counts_it() {
    let units: Vec<String> = abc("-", "no", ["", ""]);
    let units: Vec<String> = units.iter().map(|unit| unit.replace("\"c\" - - 0 - yes", "\"c\" - - 7 - yes")).collect();
    let rules = [allow(&app("a"), &app("b"), "1 any"), allow(&app("b"), &app("c"), "1 any")];
    // Radii 3, 2, 1, 1; criticalities 7, 7, 7, 0.
    let cases = [
        ("blast-radius all units 3", true),
        ("blast-radius all units 2", false),
        ("blast-radius-of mean all units 2", true),
        ("blast-radius-of mean all units 1", false),
        ("blast-radius-of mean all share 437500", true),
        ("blast-radius-of mean all share 437499", false),
        ("blast-radius-of p50 all units 1", true),
        ("blast-radius-of p50.1 all units 1", false),
        ("blast-radius-of p75 all units 2", true),
        ("blast-radius-of p75.1 all units 2", false),
        ("blast-radius-of max all criticality 7", true),
        ("blast-radius-of max all criticality 6", false),
        ("blast-radius-of p25 all criticality 0", true),
        ("blast-radius-of p25.1 all criticality 0", false),
        ("blast-radius-of mean in \"app\" 1 \"nobody\" units 0", true),
    ];
    let nodes = "node plain 1 0-0 1 1-1\nnode plain 1 1-1 1 2-2\nnode plain 1 2-2 0\nnode plain 1 3-3 0\n";
    let attacks = "attack 1 0-0 0 0\nlayer 1 1-2 0\nattack 1 1-1 0 0\nlayer 1 2-2 0\nattack 1 2-3 0 0\nlayer 0 0\n";
    for (what, holds) in cases {
        let design = normal_form(&units, &rules, &claim("any", what), "");
        for proof in [nodes, attacks] {
            assert_eq!(check(&design, &certificate(&design, proof), None).is_ok(), holds, "{what}\n{proof}");
        }
    }
}

/// Of layers past the last connection nothing is shown, and so nothing follows from them.
#[test]
fn layers_past_the_last_connection_say_nothing() {
    let rules = [allow(&app("a"), &app("b"), "1 any")];
    let bounded = "property \"p\" policy any intact 1 blast-radius in \"app\" 1 \"a\" units 1 - - - - -";
    let design = normal_form(&abc("-", "no", ["", ""]), &rules, bounded, "");
    let small = certificate(&design, "attack 1 0-0 0 0\nlayer 0 0\nlayer 1 1-1 0\nlayer 0 0\n");
    let refused = check(&design, &small, None);
    assert!(matches!(refused, Err(Refusal::Unmet { obligation: Obligation::Bound, .. })), "{refused:?}");
    let two = normal_form(&abc("-", "no", ["", ""]), &rules, &bounded.replace("units 1", "units 2"), "");
    check(&two, &certificate(&two, "attack 1 0-0 0 0\nlayer 0 0\nlayer 1 1-1 0\n"), None).unwrap();
}

/// `within` asks one way, `equal` both; an end that one design lacks connects with nobody in it.
#[test]
fn designs_are_held_against_others() {
    let web = "1 ports tcp 1 443-443 1 0-65535";
    let rule = |services: &str| vec![allow(&app("a"), &app("b"), services)];
    let proved = |design: &str| check(design, &certificate(design, ""), None).is_ok();
    for (kind, holds) in [("within", [true, true, false]), ("equal", [true, false, false])] {
        let others = [rule(web), rule("1 any"), rule("1 ports tcp 1 443-443 1 0-60000")];
        for (other, holds) in others.iter().zip(holds) {
            assert_eq!(proved(&against(kind, &rule(web), other)), holds, "{kind} {other:?}");
        }
    }
    let same = against("within", &rule(web), &rule(web));
    for (of_other, holds) in [("b", false), ("c", true)] {
        let renamed = same.replacen(&format!("unit \\\"{of_other}\\\""), "unit \\\"x\\\"", 1);
        assert_eq!(proved(&renamed), holds, "{of_other}");
    }
    // Who listens there matters to those who ask for it.
    let listening = |text: &str| text.replace("property \"p\" policy", "property \"p\" service");
    let heard = same.replacen("\nunit \"c\"", "\nlistener tcp 443 443 -\nunit \"c\"", 1);
    let lines = heard.lines().count() - 1;
    let heard = heard.replace(&format!("\nend {}\n", lines - 1), &format!("\nend {lines}\n"));
    assert!(proved(&listening(&same)) && proved(&heard) && !proved(&listening(&heard)));
    // Another design that cannot be read.
    assert!(Design::read(&same.replacen("\\nend ", "\\nand ", 1)).is_err());
}

/// Whoever owns a unit of `env=dev`, today or when it comes, never reaches one of `app=c`. So far only `d` is one.
#[test]
fn units_to_come_are_of_every_kind() {
    let dev = "units in \"env\" 1 \"dev\"";
    let not_dev = |of: &str| format!("units and 2 in \"app\" 1 \"{of}\" not-in \"env\" 1 \"dev\"");
    let (a, b, c) = (app("a"), app("b"), app("c"));
    let to_c = |from: &str| vec![allow(from, &c, "1 any")];
    let to_c_itself = |from: &str| vec![allow(from, "units named \"c\"", "1 any")];
    let nobody = "attack 0 0 0\nlayer 0 0\n";
    let of_b = |kind: &str| format!("attack 0 0 0\nlayer 1 1-1 0\n{kind}");
    let over_b = |from: &str| vec![allow(dev, &b, "1 any"), allow(from, &c, "1 any")];
    let cases = [
        (vec![], nobody.to_owned(), true),
        // It may carry both labels.
        (to_c(&a), nobody.to_owned(), false),
        (to_c(&not_dev("a")), nobody.to_owned(), true),
        // What exists and what may come falls alike, whichever labels it has besides.
        (over_b(&not_dev("a")), of_b("newcomers 1 is \"app\" \"b\"\n"), true),
        (over_b(&not_dev("a")), of_b(""), false),
        (over_b(&not_dev("a")), of_b("newcomers 2 is \"app\" \"b\" lacks \"env\"\n"), false),
        (over_b(&not_dev("a")), of_b("newcomers 0\n"), false),
        (over_b(&not_dev("b")), of_b("newcomers 1 is \"app\" \"b\"\n"), false),
        // It has no name that is mentioned, and an owner only with the labels of one that has it.
        (to_c("units named \"a\""), nobody.to_owned(), true),
        (to_c("units named \"job\""), nobody.to_owned(), true),
        (to_c("units named \"team\""), nobody.to_owned(), false),
        // It has no address that a unit of its space has, and may have any other, or be drawn from a block.
        (to_c_itself("addresses 1 10.0.0.1-10.0.0.3"), nobody.to_owned(), true),
        (to_c_itself("addresses 1 10.0.0.9-10.0.0.9"), nobody.to_owned(), false),
        (to_c_itself("addresses 1 0.0.0.0-255.255.255.255"), nobody.to_owned(), false),
        // In an address space of its own it may have any.
        (to_c("addresses 1 10.0.0.1-10.0.0.3"), nobody.to_owned(), false),
        // It declares any port under any name; nobody who exists does.
        (vec![allow(dev, &c, "1 named tcp \"web\"")], nobody.to_owned(), false),
        (vec![allow(dev, "units named \"c\"", "1 named tcp \"web\"")], nobody.to_owned(), true),
    ];
    for (rules, proof, holds) in cases {
        let units = abc("-", "no", ["", ""]);
        let units: Vec<String> = units
            .into_iter()
            .map(|unit| unit.replace("unit \"d\" -", "unit \"d\" \"team\""))
            .map(|unit| unit.replace("label \"app\" \"d\"", "label \"app\" \"d\"\nlabel \"env\" \"dev\""))
            .collect();
        let ever = claim("any", &format!("isolated-ever {dev} {c} 1 any"));
        let design = normal_form(&units, &rules, &ever, "");
        let proof = proof.replace("attack 0", "attack 1 3-3");
        let checked = check(&design, &certificate(&design, &proof), None);
        assert_eq!(checked.is_ok(), holds, "{checked:?}\n{rules:?}\n{proof}");
    }
}

#[test]
fn what_is_not_modelled_and_in_scope_refuses() {
    let isolated = claim("any", &format!("isolated {} {} 1 any", app("a"), app("c")));
    for (touches, accepted) in [("in \"app\" 1 \"a\"", false), ("in \"app\" 1 \"nobody\"", true)] {
        let unmodelled = format!("unmodelled \"something\" {touches} - - - - -\n");
        let design = normal_form(&abc("-", "no", ["", ""]), &[], &isolated, &unmodelled);
        let certificate = certificate(&design, "attack 1 0-0 0 0\nlayer 0 0\n");
        let refused = matches!(check(&design, &certificate, None), Err(Refusal::Unmodelled { .. }));
        assert_eq!(refused, !accepted);
    }
}

#[test]
fn hostile_texts_are_refused() {
    let (design, good) = case(Obligation::Closed);
    let good = good.replace("layer 0 0", "layer 1 1-1 0");
    let readable = Design::read(&design).unwrap();
    let judge = Judge::new(&readable).unwrap();
    let refuse = |text: &str| {
        let checked = judge.check(text, Question::default());
        assert!(checked.is_err(), "accepted: {text}");
    };
    judge.check(&good, Question::default()).unwrap();
    for end in (0..good.len()).filter(|end| good.is_char_boundary(*end)) {
        refuse(good.get(..end).unwrap());
    }
    let huge = u64::MAX.to_string();
    let swap = |from: &str, to: &str| good.replacen(from, to, 1);
    refuse(&swap("by 2", &format!("by {huge}")));
    refuse(&swap("layer 1", &format!("layer {huge}")));
    refuse(&swap("attack 1 0-0", &format!("attack 1 0-{huge}")));
    refuse(&swap("layer 1 1-1", &format!("layer 1 {huge}-{huge}")));
    refuse(&swap("layer 1 1-1", "layer 2 1-1 0-0"));
    refuse(&swap("claim property 0", &format!("claim property {huge}")));
    refuse(&swap("by 2 0 ingress", &format!("by 2 {huge} ingress")));
    refuse(&swap("end 7", &format!("end {huge}")));
    refuse(&format!("{good}end 8\n"));
    refuse("");
    refuse("seglab-certificate 2\nend 1\n");
    let deep = format!("layer {}", "not ".repeat(1_000_000));
    refuse(&swap("layer 1 1-1 0", &deep));
    // A node that leads to nodes that do not exist.
    refuse(&swap("layer 1 1-1 0", "node plain 1 0-0 1 0-99999999"));
}

/// Where more may come than a check may take, that is found out before it is made.
#[test]
fn more_units_to_come_than_a_check_may_take_are_refused() {
    let all = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<Vec<_>>().concat();
    let keys = |count: usize| format!("units and {count}{}", all(count, &|at| format!(" has \"key {at}\"")));
    let ports = |count: usize| format!("{count}{}", all(count, &|at| format!(" named tcp \"port {at}\"")));
    let ever = claim("any", &format!("isolated-ever {} {} 1 any", app("a"), app("c")));
    let cases = [
        (allow(&keys(3), &app("b"), &ports(3)), true),
        (allow(&keys(40), &app("b"), "1 any"), false),
        (allow("any", &app("b"), &ports(10)), true),
        (allow("any", &app("b"), &ports(64)), false),
        (allow(&keys(9), &app("b"), &ports(9)), false),
    ];
    for (rule, fits) in cases {
        let design = normal_form(&abc("-", "no", ["", ""]), std::slice::from_ref(&rule), &ever, "");
        let checked = check(&design, &certificate(&design, "attack 1 0-0 0 0\nlayer 0 0\n"), None);
        assert_eq!(checked != Err(Refusal::TooMuch), fits, "{checked:?}\n{rule}");
    }
    let kept = normal_form(&abc("-", "no", ["", ""]), &[allow(&app("\u{1}other"), &app("b"), "1 any")], &ever, "");
    let checked = check(&kept, &certificate(&kept, "attack 1 0-0 0 0\nlayer 0 0\n"), None);
    assert!(matches!(checked, Err(Refusal::Unmodelled { .. })), "{checked:?}");
}

#[test]
fn hostile_designs_are_refused() {
    let (design, _) = case(Obligation::Closed);
    for end in 0..design.len() {
        assert!(Design::read(design.get(..end).unwrap_or_default()).is_err());
    }
    let nested = format!("units {}all", "not ".repeat(100_000));
    assert!(Design::read(&design.replacen("units all", &nested, 1)).is_err());
    assert!(Design::read(&design.replacen("0 no - units all", "7 no - units all", 1)).is_err());
    assert!(Design::read(&design.replacen("1 any", &format!("{} any", u64::MAX), 1)).is_err());
}
