//! The two public shops: what is surprising in each.

use super::data::{folder, public, reading};
use seglab_policy::{Among, Diagnostic};

fn codes(diagnostics: &[Diagnostic], code: &str) -> usize {
    diagnostics.iter().filter(|diagnostic| diagnostic.code == code).count()
}

#[test]
fn twelve_of_the_thirteen_policies_of_online_boutique_open_all_egress() {
    let Some(root) = public("online-boutique") else { return };
    let reading = reading(&folder(&root));
    assert_eq!(codes(&reading.diagnostics, "opens-all-egress"), 12);
    let places: Vec<_> = reading.diagnostics.iter().filter(|one| one.code == "opens-all-egress").collect();
    let thirteen = Among { count: 13, kind: "NetworkPolicy".into() };
    assert!(places.iter().all(|one| one.among.as_deref() == Some(&thirteen)), "{places:?}");
    for place in places {
        let span = place.span.expect("a place");
        let path = &reading.draft.sources[span.source.0 as usize].path;
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        assert_eq!(text.lines().nth(span.line as usize - 1).unwrap().trim(), "- {}", "{path}:{}", span.line);
    }
}

#[test]
fn the_default_deny_of_sock_shop_is_an_annotation_that_isolates_nothing() {
    let Some(root) = public("sock-shop") else { return };
    let reading = reading(&folder(&root));
    assert_eq!(codes(&reading.diagnostics, "obsolete-isolation-annotation"), 1);
    assert_eq!(codes(&reading.diagnostics, "opens-all-egress"), 0);
}
