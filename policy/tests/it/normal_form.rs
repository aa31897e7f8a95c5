//! The normal form: written, read, and refused.

use proptest::prelude::*;
use seglab_policy::arbitrary::{design, design_of};
use seglab_policy::normal_form::{NESTING_MAX, Problem, read, write};
use seglab_policy::{Design, Draft, Segment, Selector};

proptest! {
    #[test]
    fn what_was_written_reads_back(design in design()) {
        let text = write(&design);
        let again = read(&text);
        prop_assert_eq!(again.as_ref(), Ok(&design), "{}", text);
        prop_assert_eq!(write(&again.unwrap()), text);
    }

    /// A change of the text is refused, or gives a design of which it is the normal form: there are no two texts of
    /// one design, and nothing panics.
    #[test]
    fn what_was_changed_is_another_design_or_none(
        seed in any::<u64>(),
        at in any::<prop::sample::Index>(),
        length in 0usize..4,
        with in "[ -~\"\\\\\n0-9é]{0,3}",
    ) {
        let text = write(&design_of(seed));
        let from = floor(&text, at.index(text.len()));
        let to = floor(&text, (from + length).min(text.len())).max(from);
        let changed = format!("{}{with}{}", &text[..from], &text[to..]);
        if let Ok(design) = read(&changed) {
            prop_assert_eq!(write(&design), changed);
        }
    }

    #[test]
    fn what_was_cut_off_is_refused(seed in any::<u64>(), at in any::<prop::sample::Index>()) {
        let text = write(&design_of(seed));
        let cut = floor(&text, at.index(text.len()));
        prop_assert!(read(&text[..cut]).is_err());
    }

    #[test]
    fn any_text_is_refused_without_panic(text in "\\PC{0,200}") {
        prop_assert!(read(&text).is_err());
        let framed = format!("seglab-normal-form 1\n{text}\nend 2\n");
        prop_assert!(read(&framed).is_err());
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The bytes are a contract: certificates are bound to them.
#[test]
fn the_bytes_are_stable() {
    let text = include_str!("normal_form.txt");
    let design = read(text).unwrap();
    assert_eq!(write(&design), text);
    for (keyword, count) in [
        ("unit", design.units().len()),
        ("rule", design.rules().count()),
        ("point", design.points().len()),
        ("property", design.properties().len()),
    ] {
        assert_eq!(text.lines().filter(|line| line.split(' ').next() == Some(keyword)).count(), count, "{keyword}");
    }
}

fn with_selector(selector: Selector) -> Design {
    let segments = vec![Segment { name: "s".to_owned(), selector }];
    Design::new(Draft { segments, ..Draft::default() }).unwrap()
}

#[test]
fn selectors_nest_as_deep_as_the_limit_and_no_deeper() {
    let nested = |depth| (0..depth).fold(Selector::Everything, |inner, _| Selector::Not(Box::new(inner)));
    let deep = with_selector(nested(NESTING_MAX));
    assert_eq!(read(&write(&deep)), Ok(deep));
    let error = read(&write(&with_selector(nested(NESTING_MAX + 1)))).unwrap_err();
    assert_eq!(error.problem, Problem::Nesting);
    let hostile = format!("seglab-normal-form 1\ndesign \"\"\nsegment \"s\"{} all\nend 3\n", " not".repeat(1_000_000));
    assert_eq!(read(&hostile).unwrap_err().problem, Problem::Nesting);
}

#[track_caller]
fn refused(lines: &str, expected: &str) {
    let count = lines.lines().count() + 1;
    let error = read(&format!("seglab-normal-form 1\n{lines}end {count}\n")).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn errors_say_what_and_where() {
    assert!(read("seglab-normal-form 1\ndesign \"\"\nend 2\n").is_ok());
    refused("design 7\n", "line 2, column 8: expected the design's name, found `7`");
    refused("design \"a\" \n", "line 2, column 11: expected the end of the line, found ``");
    refused("design \"é\\x\"\n", "line 2, column 8: a string that does not end, or an unknown escape in it");
    refused("design \"a\"\ndesign \"b\"\n", "line 3, column 1: a line `design` cannot stand here");
    refused("unit \"a\" - -\n", "line 2, column 13: expected a criticality, found the end of the line");
    refused("unit \"a\" - - 007\n", "line 2, column 14: expected a criticality, found `007`");
    refused("segment \"s\" all\nroute \"a\" \"b\"\n", "line 3, column 1: a line `route` cannot stand here");
    refused("rule allow\n", "line 2, column 1: a line `rule` cannot stand here");
    refused(
        "segment \"s\" in \"k\" 9999999999 \"v\"\n",
        "line 2, column 34: expected a label's value, found the end of the line",
    );
    let trouble = "need 0 synchronous external 2 10.0.0.0-10.0.0.1 10.0.0.1-10.0.0.2 any 1 any - - - - -\n";
    refused(trouble, "line 2, column 49: ranges of addresses are not in the one form that they are written in");
    refused(
        "unit \"a\" - - 0 - yes - - - - -\n",
        "line 3, column 1: the parts contradict each other: the unit `a` has no interface",
    );
    let error = read("seglab-normal-form 2\n").unwrap_err();
    assert_eq!(error.problem, Problem::Header);
    let error = read("seglab-normal-form 1\ndesign \"\"\nend 2\nend 3\n").unwrap_err();
    assert_eq!(error.problem, Problem::Keyword { keyword: "end".to_owned() });
    let error = read("seglab-normal-form 1\ndesign \"\"\n").unwrap_err();
    assert_eq!(error.problem, Problem::End { lines: 2 });
}
