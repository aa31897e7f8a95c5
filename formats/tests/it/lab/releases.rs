//! Releases and approval: read, refused, and written back.

use super::read;
use seglab_formats::lab;
use seglab_policy::{Approval, Design, Draft, RulebookId};

const TEXT: &str = "\
seglab: 1
units:
  - {name: web, labels: {app: web}, listens: [tcp/443]}
  - {name: db, labels: {app: db}, listens: [tcp/5432]}
policy:
  - allow: {from: app=web, to: app=db, service: tcp/5432, object: old}
policies:
  edge: [{allow: {from: internet, to: app=web, service: tcp/443}}]
  tiered: {tiers: [{name: a}, {name: b}]}
  union: {tiers: [{name: a, order: allow-union}]}
enforcement:
  - host: {on: all}
  - appliance: {between: zone, policy: edge}
  - appliance: {name: two, between: zone, policy: tiered}
  - appliance: {name: three, between: zone, policy: union}
needs:
  - {from: app=web, to: app=db, service: tcp/5432, rate: 1/min}
releases:
  - name: shop-2
    at: 14d
    needs: [{from: app=db, to: app=web, service: tcp/443, rate: 1/min}]
    ends: [app=web -> app=db tcp/5432]
    policy:
      - allow: {from: app=db, to: app=web, service: tcp/443, object: new}
    policies:
      edge: [{deny: {from: 10.0.0.0/8, to: app=web}, at: forward}]
    retires: [old]
  - {name: shop-3, at: 1d, ends: [app=db -> app=web tcp/443], retires: [new]}
approval: {reviewers: 2, review: 2d, hold: true}
";

const DAY: u64 = 86_400_000_000_000;

#[test]
fn what_is_written_is_read() {
    let draft = read(TEXT).unwrap().draft;
    let [two, three] = draft.releases.as_slice() else { panic!("{:?}", draft.releases) };
    assert_eq!((two.at_ns, two.needs.len(), two.adds.len()), (14 * DAY, 1, 2));
    assert_eq!(two.adds[0].rulebook, RulebookId(0));
    assert_eq!(two.adds[1].rulebook, RulebookId(1));
    assert_eq!((&two.ends, &two.retires), (&vec!["app=web -> app=db tcp/5432".to_owned()], &vec!["old".to_owned()]));
    assert_eq!(three.ends, [two.needs[0].name()], "a release may end what another begins");
    let approval = draft.approval.clone().unwrap();
    assert_eq!((approval.reviewers, approval.review_mean_ns, approval.holds), (2, 2 * DAY, true));
    assert!(draft.assumptions.iter().any(|assumption| assumption.id == "no-release-yet"));
    assert!(Design::new(draft).is_ok());
    let alone = read(&TEXT.replace("{reviewers: 2, review: 2d, hold: true}", "{review: 1d}")).unwrap().draft;
    assert!(alone.approval.is_some_and(|approval| approval.reviewers == 1 && !approval.holds));
}

fn bare(draft: Draft) -> Draft {
    let mut bare = Draft { releases: draft.releases, approval: draft.approval, ..Draft::default() };
    for release in &mut bare.releases {
        release.provenance = Default::default();
        release.needs.iter_mut().for_each(|need| need.provenance = Default::default());
        release.adds.iter_mut().for_each(|added| added.rule.provenance.span = None);
    }
    bare.approval = bare.approval.map(|approval| Approval { provenance: Default::default(), ..approval });
    bare
}

#[test]
fn what_is_read_is_written() {
    let design = Design::new(read(TEXT).unwrap().draft).unwrap();
    assert_eq!(bare(read(&lab::write(&design)).unwrap().draft), bare(design.to_draft()));
}

#[test]
fn releases_that_cannot_be_are_refused() {
    for (good, bad, said, place) in [
        ("ends: [app=web -> app=db", "ends: [app=web -> app=dc", "no need is called `app=web -> app=dc tcp/5432`", 22),
        ("retires: [old]", "retires: [odd]", "no rule has the object `odd`", 27),
        ("      edge: [{deny", "      edgy: [{deny", "no rulebook is called `edgy`", 26),
        (
            "      edge: [{deny",
            "      tiered: [{deny",
            "`tiered` has 2 tiers: it is not said which a new rule is for",
            26,
        ),
        (
            "      edge: [{deny",
            "      union: [{deny",
            "the rulebook takes the union of allow rules, and the release adds one that says deny",
            26,
        ),
        (", ends: [app=db -> app=web tcp/443], retires: [new]}", "}", "the release `shop-3` changes nothing", 28),
        ("at: 1d", "at: 1x", "`x` is not a unit of time", 28),
        ("reviewers: 2", "reviewers: 0", "nobody reviews requests", 29),
        ("review: 2d", "review: 0s", "`0s` is not a time above zero", 29),
    ] {
        let rejected = read(&TEXT.replace(good, bad)).expect_err(said);
        let error = rejected.errors().next().unwrap();
        assert_eq!(error.message, said);
        assert!(error.help.is_some(), "{said}");
        assert_eq!(error.span.map(|span| span.line), Some(place), "{said}");
    }
    let twice = TEXT.replace("name: shop-3", "name: shop-2");
    assert!(Design::new(read(&twice).unwrap().draft).is_err(), "two releases of one name");
    let idle = TEXT.split("releases:").next().unwrap().to_owned() + "approval: {review: 1d}\n";
    let warned = read(&idle).unwrap().diagnostics;
    assert!(warned.iter().any(|said| said.message == "there are no `releases` whose rules would be approved"));
}
