//! NASim scenarios: what they become, and what is refused and where.

use seglab_formats::{File, Reading, nasim};
use seglab_policy::{
    AddressSet, Assume, Connection, Design, Endpoint, Finds, Header, Privilege, Severity, Transport, UnitId,
};

/// Two subnets, the first of them public; the second's first host refuses what the first's second host says by ssh.
const SCENARIO: &str = "\
subnets: [2, 1]
topology: [[1, 1, 0],
           [1, 1, 1],
           [0, 1, 1]]
sensitive_hosts:
  (2, 0): 99.5
os: [linux, windows]
services: [ssh, gopher]
processes: [cron]
exploits:
  e_ssh: {service: ssh, os: linux, prob: 0.8, cost: 1, access: user}
  e_gopher: {service: gopher, os: None, prob: 0.5, cost: 2.5, access: root}
privilege_escalation:
  pe_cron: {process: cron, os: linux, prob: 1.0, cost: 1, access: root}
service_scan_cost: 1
os_scan_cost: 1
subnet_scan_cost: 3
process_scan_cost: 1
host_configurations:
  (1, 0): {os: linux, services: [ssh], processes: [cron]}
  (1, 1): {os: windows, services: [ssh, gopher], processes: []}
  (2, 0):
    os: linux
    services: [ssh]
    processes: []
    firewall:
      (1, 1): [ssh]
firewall:
  (0, 1): [gopher]
  (1, 0): []
  (1, 2): [ssh]
  (2, 1): []
step_limit: 100
";

fn read(text: &str) -> Reading {
    nasim::read(&File { path: "net.yaml".to_owned(), text: text.to_owned() }).unwrap()
}

fn design() -> Design {
    Design::new(read(SCENARIO).draft).unwrap()
}

fn unit(design: &Design, name: &str) -> UnitId {
    design.unit_named(name).unwrap()
}

fn at(design: &Design, name: &str) -> Endpoint {
    Endpoint::Unit { unit: unit(design, name), interface: 0 }
}

fn internet() -> Endpoint {
    let (first, _) = AddressSet::internet().v4.ranges()[0];
    Endpoint::External(std::net::Ipv4Addr::from_bits(first).into())
}

fn allows(design: &Design, source: Endpoint, destination: Endpoint, port: u16) -> bool {
    let header = Header::to_port(Transport::Tcp, port);
    let connection = Connection { source, destination, header };
    design.evaluate(&connection, Assume::business()).verdict.is_allowed()
}

#[test]
fn the_firewall_is_enforced_as_the_file_states_it() {
    let design = design();
    let (ssh, gopher) = (22, 49_152);
    let host = |name: &str| at(&design, name);
    // From outside only what (0, 1) says, and only into the public subnet.
    assert!(allows(&design, internet(), host("host-1-1"), gopher));
    assert!(!allows(&design, internet(), host("host-1-1"), ssh));
    assert!(!allows(&design, internet(), host("host-2-0"), ssh));
    // Inside a subnet everything; between subnets what is listed, in that direction.
    assert!(allows(&design, host("host-1-0"), host("host-1-1"), 7));
    assert!(allows(&design, host("host-1-0"), host("host-2-0"), ssh));
    assert!(!allows(&design, host("host-1-0"), host("host-2-0"), gopher));
    assert!(!allows(&design, host("host-2-0"), host("host-1-0"), ssh));
    // The host's own firewall denies what the one between subnets lets through.
    assert!(!allows(&design, host("host-1-1"), host("host-2-0"), ssh));
}

#[test]
fn hosts_have_what_the_file_says() {
    let design = design();
    let of = |name: &str| design.unit(unit(&design, name));
    let weak = |name: &str| of(name).vulnerabilities.iter().map(|weak| weak.name.as_str()).collect::<Vec<_>>();
    assert_eq!(weak("host-1-0"), ["e_ssh"]);
    // Windows, so the exploit of ssh does not fit.
    assert_eq!(weak("host-1-1"), ["e_gopher"]);
    assert_eq!(weak("host-2-0"), ["e_ssh"]);
    assert_eq!(of("host-2-0").criticality, 100, "a part of a value counts");
    assert_eq!(of("host-1-0").labels["os"], "linux");
    assert_eq!(of("host-1-0").labels["runs-cron"], "true");
    assert_eq!(of("host-2-0").provenance.object.as_deref(), Some("host (2, 0)"));
    assert_eq!(of("host-2-0").provenance.span.map(|span| (span.line, span.column)), Some((22, 3)));
    let craft = design.tradecraft();
    assert_eq!(craft.finds, Finds::Routed);
    assert_eq!(craft.scan.map(|scan| scan.cost), Some(3.0));
    let exploit = craft.exploit("e_ssh").unwrap();
    assert_eq!((exploit.gives, exploit.effort.success_probability), (Privilege::User, 0.8));
    let works = |name: &str| -> Vec<&str> {
        let on = craft.escalations.iter().filter(|one| one.on.matches(of(name)));
        on.map(|one| one.name.as_str()).collect()
    };
    assert_eq!(works("host-1-0"), ["pe_cron"]);
    assert_eq!(works("host-1-1"), ["e_gopher from within"]);
    assert!(works("host-2-0").is_empty());
    let within = craft.escalations.iter().find(|one| one.name == "e_gopher from within").unwrap();
    assert_eq!((within.effort.cost, within.effort.success_probability), (2.5, 1.0));
}

#[test]
fn scenarios_are_known_by_their_keys() {
    assert!(nasim::is_scenario(SCENARIO));
    assert!(!nasim::is_scenario("apiVersion: v1\nkind: Pod\ntopology: x\nsubnets: y\n"));
    assert!(!nasim::is_scenario("seglab: 1\nsubnets: []\ntopology: []\n"));
    assert!(!nasim::is_scenario("services: [ssh]\nos: [linux]\n"));
}

#[test]
fn a_firewall_between_unlinked_subnets_is_a_warning() {
    let reading = read(&SCENARIO.replace("  (2, 1): []\n", "  (2, 1): []\n  (0, 2): [ssh]\n"));
    let said: Vec<&str> = reading.diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(said, ["nothing goes from 0 to 2: they are not linked"]);
    assert_eq!(reading.diagnostics[0].severity, Severity::Warning);
}

/// Every error of a text: its line and column, what is wrong, and what to do.
fn refused(text: &str) -> Vec<((u32, u32), String)> {
    let rejected = nasim::read(&File { path: "net.yaml".to_owned(), text: text.to_owned() }).unwrap_err();
    let said = rejected.errors().map(|error| {
        let span = error.span.expect("an error has a place");
        let help = error.help.as_deref().expect("and says what to do");
        ((span.line, span.column), format!("{}; {help}", error.message))
    });
    said.collect()
}

/// Line and column of the first occurrence of some words.
fn place(text: &str, of: &str) -> (u32, u32) {
    let before = &text[..text.find(of).expect("the words are there")];
    let line = before.rsplit('\n').next().unwrap_or_default();
    (1 + before.matches('\n').count() as u32, 1 + line.chars().count() as u32)
}

/// What is replaced by what, the words at whose place it is told, and what is told.
const MISTAKES: [(&str, &str, &str, &str); 20] = [
    ("subnets: [2, 1]", "subnetz: [2, 1]", "subnetz", "unknown key `subnetz`; did you mean `subnets`?"),
    (
        "prob: 0.8",
        "prob: 0",
        "0, cost: 1, access: user",
        "the probability of `e_ssh` is 0; write a number above 0, to 1",
    ),
    ("prob: 0.8", "prob: 1.01", "1.01", "the probability of `e_ssh` is 1.01; write a number above 0, to 1"),
    ("prob: 0.8", "prob: often", "often", "`prob` takes a number, `often` is none; write a number"),
    ("cost: 2.5", "cost: -1", "-1", "`cost` is -1, below zero; write a number from 0 on"),
    ("access: user", "access: admin", "admin", "`admin` is no access; write `user` or `root`"),
    ("service: ssh", "service: shh", "shh", "the scenario has no service `shh`; did you mean `ssh`?"),
    (
        "service: ssh",
        "service: None",
        "None, os: linux",
        "`e_ssh` names no service; an exploit goes by a service: name it",
    ),
    ("os: linux, prob: 1.0", "os: linus, prob: 1.0", "linus", "the scenario has no os `linus`; did you mean `linux`?"),
    ("subnet_scan_cost: 3\n", "", "subnets:", "the key `subnet_scan_cost` is missing; add `subnet_scan_cost: ...`"),
    (
        "  (1, 1): {os: windows, services: [ssh, gopher], processes: []}\n",
        "",
        "(1, 0): {os",
        "1 host has no configuration, the first is `(1, 1)`; add `(1, 1): {os: ..., services: [...]}`",
    ),
    (
        "  (2, 0): 99.5",
        "  (2, 1): 99.5",
        "(2, 1): 99.5",
        "the scenario has no host `(2, 1)`; subnets count from 1 to 2, hosts of one from 0 on",
    ),
    ("  (2, 0): 99.5", "  (2, 0): 0", "0\nos:", "the value of the host is 0; write a number above 0"),
    (
        "[0, 1, 1]]",
        "[0, 0, 1]]",
        "1],\n           [0, 0, 1]]",
        "1 is linked to 2 and 2 is not to 1; a link goes both ways: correct one of the two",
    ),
    ("[0, 1, 1]]", "[0, 1, 2]]", "2]]", "`topology` holds 0 and 1; write 1 for linked, else 0"),
    (
        "  (1, 2): [ssh]\n",
        "",
        "(0, 1): [gopher]",
        "`firewall` says nothing of what goes from 1 to 2; add `(1, 2): []`, with the services that may pass",
    ),
    ("  (1, 2): [ssh]", "  (1, 2): [shh]", "shh", "the scenario has no service `shh`; did you mean `ssh`?"),
    (
        "      (1, 1): [ssh]",
        "      (2, 0): [ssh]",
        "(2, 0): [ssh]",
        "a host's firewall denies nothing to the host itself; remove it: whoever is on the host needs no connection to it",
    ),
    ("step_limit: 100", "step_limits: 100", "step_limits", "unknown key `step_limits`; did you mean `step_limit`?"),
    (
        "processes: [cron]\nexploits",
        "processes: cron\nexploits",
        "cron\nexploits",
        "`processes` is a list; write `[first, second]`",
    ),
];

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let mut wrong = Vec::new();
    for (good, bad, at, expected) in MISTAKES {
        assert!(SCENARIO.contains(good), "{good}");
        let text = SCENARIO.replacen(good, bad, 1);
        let told = refused(&text);
        let place = place(&text, at);
        if !told.iter().any(|(there, said)| *there == place && said == expected) {
            wrong.push(format!("{place:?} {expected}\n{told:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(refused("")[0], ((1, 1), "the file is empty; name a scenario".to_owned()));
}

#[test]
fn nothing_makes_the_reader_panic() {
    for cut in 0..SCENARIO.len() {
        let text = &SCENARIO[..cut];
        let _ = nasim::read(&File { path: "net.yaml".to_owned(), text: text.to_owned() });
        let without = format!("{}{}", &SCENARIO[..cut], SCENARIO.get(cut + 7..).unwrap_or_default());
        let _ = nasim::read(&File { path: "net.yaml".to_owned(), text: without });
    }
}
