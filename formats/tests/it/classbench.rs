//! ClassBench rule sets: what lines mean, what is refused and where, and that the shipped sets are read whole.

use proptest::prelude::*;
use seglab_formats::classbench::{Actions, is_rule_set, read};
use seglab_formats::{File, Reading};
use seglab_policy::{Action, Connection, Design, Direction, Endpoint, Header, RulebookId, Severity, Transport};

fn file(text: &str) -> File {
    File { path: "rules".to_owned(), text: text.to_owned() }
}

fn reading(text: &str) -> Reading {
    read(&file(text), Actions::AllAllow).unwrap()
}

/// The place, the message and the help of the first error.
fn refused(text: &str) -> String {
    let rejected = read(&file(text), Actions::Drawn).unwrap_err();
    let error = rejected.errors().next().unwrap();
    let place = error.span.map_or_else(String::new, |span| format!("{}:{}: ", span.line, span.column));
    format!("{place}{}; {}", error.message, error.help.as_deref().unwrap_or_default())
}

fn allows(design: &Design, from: [u8; 4], to: [u8; 4], header: Header) -> bool {
    let connection =
        Connection { source: Endpoint::External(from.into()), destination: Endpoint::External(to.into()), header };
    design.judge_at(RulebookId(0), Direction::Forward, &connection).0.allow
}

#[test]
fn a_line_matches_what_it_says() {
    let text = "# a comment\n\n@10.1.2.3/8\t20.0.0.0/32 5 : 9\t443:443 0x06/0xFF 0x0000/0x0200\n\
                @0.0.0.0/0 30.0.0.0/24 0 : 65535 53 : 53 0x00/0x00\n\
                @1.0.0.0/8 0.0.0.0/0 0 : 65535 0 : 65535 0x01/0xff 0x0000/0x0000\n\
                @2.0.0.0/8 0.0.0.0/0 0 : 10 0 : 65535 0x00/0x00\n";
    let read = reading(text);
    let design = Design::new(read.draft).unwrap();
    let tcp =
        |source_port, destination_port| Header::Transport { protocol: Transport::Tcp, source_port, destination_port };
    assert!(allows(&design, [10, 255, 0, 0], [20, 0, 0, 0], tcp(5, 443)));
    assert!(!allows(&design, [11, 0, 0, 0], [20, 0, 0, 0], tcp(5, 443)));
    assert!(!allows(&design, [10, 0, 0, 0], [20, 0, 0, 1], tcp(5, 443)));
    assert!(!allows(&design, [10, 0, 0, 0], [20, 0, 0, 0], tcp(10, 443)));
    let udp = |destination_port| Header::to_port(Transport::Udp, destination_port);
    assert!(
        allows(&design, [9, 9, 9, 9], [30, 0, 0, 77], udp(53))
            && !allows(&design, [9, 9, 9, 9], [30, 0, 0, 77], udp(54))
    );
    // Without ports a packet has the port 0.
    let (echo, esp) = (Header::Icmp { kind: 8, code: 0 }, Header::Other(50));
    assert!(!allows(&design, [9, 9, 9, 9], [30, 0, 0, 77], esp));
    assert!(allows(&design, [1, 0, 0, 1], [9, 9, 9, 9], echo) && !allows(&design, [1, 0, 0, 1], [9, 9, 9, 9], esp));
    assert!(allows(&design, [2, 0, 0, 1], [9, 9, 9, 9], echo) && allows(&design, [2, 0, 0, 1], [9, 9, 9, 9], esp));
    assert!(
        allows(&design, [2, 0, 0, 1], [9, 9, 9, 9], tcp(10, 9))
            && !allows(&design, [2, 0, 0, 1], [9, 9, 9, 9], tcp(11, 9))
    );
    let notes: Vec<&str> = read.diagnostics.iter().map(|note| note.code).collect();
    assert_eq!(notes, ["flags-ignored"]);
    assert!(read.diagnostics.iter().all(|note| note.severity == Severity::Note && note.span.unwrap().line == 3));
    let rule = design.rules().next().unwrap().1;
    assert_eq!(rule.provenance.span.unwrap().line, 3);
}

#[test]
fn the_first_match_decides_and_actions_are_the_same_every_time() {
    let text = "@1.0.0.0/8 0.0.0.0/0 0 : 65535 0 : 65535 0x00/0x00\n".repeat(1000);
    let actions = |reading: Reading| -> Vec<Action> {
        reading.draft.rulebooks[0].tiers[0].rules.iter().map(|rule| rule.action).collect()
    };
    let drawn = actions(read(&file(&text), Actions::Drawn).unwrap());
    assert_eq!(drawn, actions(read(&file(&text), Actions::Drawn).unwrap()));
    let allowed = drawn.iter().filter(|&&action| action == Action::Allow).count();
    assert!((650..750).contains(&allowed), "{allowed}");
    let design = Design::new(read(&file(&text), Actions::Drawn).unwrap().draft).unwrap();
    assert_eq!(allows(&design, [1, 1, 1, 1], [2, 2, 2, 2], Header::Other(4)), drawn[0] == Action::Allow);
}

#[test]
fn what_is_no_rule_is_refused_at_its_place() {
    let good = "@1.0.0.0/8 0.0.0.0/0 0 : 65535 0 : 65535 0x00/0x00\n";
    let cases = [
        (
            "10.0.0.0/8 0.0.0.0/0 0 : 1 0 : 1 0x06/0xFF",
            "2:1: `10.0.0.0/8` does not begin with `@`; begin the line with `@` and an address",
        ),
        (
            "@10.0.0/8 0.0.0.0/0 0 : 1 0 : 1 0x06/0xFF",
            "2:2: `10.0.0/8` is not an address with its bits; write an IPv4 address and how many of its bits count, as `10.0.0.0/8`",
        ),
        (
            "@1.2.3.4/33 0.0.0.0/0 0 : 1 0 : 1 0x06/0xFF",
            "2:2: `1.2.3.4/33` is not an address with its bits; write an IPv4 address and how many of its bits count, as `10.0.0.0/8`",
        ),
        ("@1.2.3.4/8 0.0.0.0/0 0 - 1 0 : 1 0x06/0xFF", "2:24: `-` stands where `:` should; write ports as `0 : 65535`"),
        ("@1.2.3.4/8 0.0.0.0/0 0 : 70000 0 : 1 0x06/0xFF", "2:26: `70000` is not a port; write ports as `0 : 65535`"),
        (
            "@1.2.3.4/8 0.0.0.0/0 9 : 1 0 : 1 0x06/0xFF",
            "2:22: `9` is above the last port of its range; write the smaller port first",
        ),
        (
            "@1.2.3.4/8 0.0.0.0/0 0 : 1 0 : 1",
            "2:33: the line ends where a protocol should stand; write a protocol as `0x06/0xFF`, and every protocol as `0x00/0x00`",
        ),
        (
            "@1.2.3.4/8 0.0.0.0/0 0 : 1 0 : 1 6",
            "2:34: `6` is not a number and its mask; write a protocol as `0x06/0xFF`, and every protocol as `0x00/0x00`",
        ),
        (
            "@1.2.3.4/8 0.0.0.0/0 0 : 1 0 : 1 0x06/0x0F",
            "2:43: a protocol can be masked as a whole only; write a protocol as `0x06/0xFF`, and every protocol as `0x00/0x00`",
        ),
        (
            "@1.2.3.4/8 0.0.0.0/0 0 : 1 0 : 1 0x06/0xFF 0x0/0x0 more",
            "2:52: `more` is more than a rule has; write one rule a line",
        ),
    ];
    for (line, wanted) in cases {
        assert_eq!(refused(&format!("{good}{line}\n")), wanted);
    }
    assert!(refused("# nothing\n").starts_with("there are no rules in the input; "));
    let many = "@\n".repeat(500);
    assert_eq!(read(&file(&many), Actions::Drawn).unwrap_err().errors().count(), 100);
}

#[test]
fn rule_sets_are_told_apart_from_other_files() {
    assert!(is_rule_set("\u{feff}# set\n\n @1.2.3.4/8 0.0.0.0/0"));
    for other in ["", "seglab: 1\n", "apiVersion: v1\n", "@startuml\n", "# @1.2.3.4\n"] {
        assert!(!is_rule_set(other), "{other:?}");
    }
}

proptest! {
    /// Whatever stands in a file, it is read or refused with a place in it, and nothing panics.
    #[test]
    fn any_text_is_read_or_refused(text in "(@?[0-9./:x \t\u{e9}a-f-]{0,60}\n){0,6}") {
        if let Err(rejected) = read(&file(&text), Actions::Drawn) {
            for error in rejected.errors() {
                if let Some(span) = error.span {
                    let line = text.lines().nth(span.line as usize - 1).unwrap();
                    prop_assert!(span.column as usize <= line.chars().count() + 1);
                }
            }
        }
    }
}

/// The shipped sets: every line is a rule.
#[test]
fn the_shipped_sets_are_read_whole() {
    let Some(folder) = crate::kubernetes::data::public("classbench") else { return };
    let mut sets = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        if !is_rule_set(&text) {
            continue;
        }
        let read = read(&file(&text), Actions::Drawn).unwrap_or_else(|rejected| panic!("{path:?}: {rejected:?}"));
        assert_eq!(read.draft.rulebooks[0].tiers[0].rules.len(), text.lines().count(), "{path:?}");
        sets += 1;
    }
    assert_eq!(sets, 24);
}
