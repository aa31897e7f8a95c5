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
        Obligation::Exposed => {
            let exposed = "exposed 1 0.0.0.0-255.255.255.255 inbound in \"app\" 1 \"b\" 1 any";
            let rules = [allow("any", &app("a"), "1 ports tcp 1 443-443 1 0-65535")];
            normal_form(&abc("-", "yes", ["", ""]), &rules, &claim("any", exposed), "")
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
    };
    let proof = match obligation {
        Obligation::Starts => "attack 0 0 0\nlayer 0 0\n",
        Obligation::Layers => "attack 1 0-0 0 0\nlayer 1 1-1 0\nlayer 0 0\n",
        Obligation::Guests | Obligation::Targets | Obligation::Bound => "attack 1 0-0 0 0\nlayer 1 1-1 0\n",
        Obligation::HostedTargets => "attack 1 0-0 0 0\nlayer 1 1-2 0\n",
        Obligation::Exposed | Obligation::Works | Obligation::Chosen => "",
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
    let (design, wrong) = case(Obligation::Starts);
    check(&design, &wrong.replace("attack 0 0 0", "attack 1 0-0 0 0"), None).unwrap();
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
