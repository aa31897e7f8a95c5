//! `simulate` and `compare`: the same bytes on any number of threads, and no difference where there is none.

use crate::designs::{PODS, site, site_and_a_hermit, site_text};
use crate::program::{Run, bytes, folder, seglab, sha256};
use serde_json::Value;
use tempfile::TempDir;

const SHORT: [&str; 4] = ["--replicas", "40", "--horizon", "2d"];

fn run(at: &TempDir, arguments: &[&str]) -> Run {
    seglab(at.path(), &[arguments, &SHORT].concat())
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let at = folder(&[("a.yaml", &site_text()), ("b.yaml", &site_and_a_hermit())]);
    for start in [&["simulate", "a.yaml"][..], &["compare", "a.yaml", "b.yaml"]] {
        for format in ["text", "json"] {
            let with = |threads| run(&at, &[start, &["--format", format, "--threads", threads]].concat()).ends(0);
            let one = with("1");
            assert_eq!(one, with("2"), "{start:?} {format}");
            assert_eq!(one, with("3"), "{start:?} {format}");
            let shuffled = run(&at, &[start, &["--format", format, "--shuffle-ties"]].concat()).ends(0);
            assert_eq!(one, shuffled, "{start:?} {format}: the order of simultaneous events decides nothing");
        }
    }
}

/// The seed decides, and something happens: an attacker who never gets anywhere would be the same under any seed.
#[test]
fn seeds_differ() {
    let at = site();
    let with = |seed| run(&at, &["simulate", ".", "--seed", seed, "--format", "json"]).json(0);
    let (one, two) = (with("1"), with("2"));
    assert_eq!(one["schema"], "seglab/simulate/v1");
    assert_ne!(one["designs"], two["designs"]);
    let text = run(&at, &["simulate", "."]).ends(0);
    assert!(text.contains("40 replicas of") && text.contains(" · seed 1 · "), "{text}");
    assert!(text.contains("attacker `through-the-site`") && text.contains("95% interval"), "{text}");
}

/// A design against itself, and against itself plus a unit that no path leads to: difference 0 in every replica.
#[test]
fn no_change_is_no_difference() {
    let hermit = site_and_a_hermit();
    assert_ne!(hermit, site_text());
    let open = site_text().replace("policy:\n", "policy:\n  - allow: {from: any, to: any}\n");
    let at = folder(&[("a.yaml", &site_text()), ("hermit.yaml", &hermit), ("open.yaml", &open)]);
    let differences = |other: &str| {
        let document = run(&at, &["compare", "a.yaml", other, "--format", "json"]).json(0);
        assert_eq!(document["schema"], "seglab/compare/v1");
        let found = document["differences"].as_array().expect("a list").clone();
        assert_eq!(found.len(), 1);
        let pairs = found[0].as_object().expect("a difference").values().filter_map(Value::as_array);
        let pairs: Vec<(u64, u64)> = pairs
            .flatten()
            .map(|pair| (pair[0].as_u64().expect("a number"), pair[1].as_u64().expect("a number")))
            .collect();
        assert_eq!(pairs.len() % 40, 0);
        assert!(pairs.len() >= 6 * 40, "six measures of forty replicas");
        pairs
    };
    for same in ["a.yaml", "hermit.yaml"] {
        let pairs = differences(same);
        assert!(pairs.iter().all(|(first, second)| first == second), "{same}");
        assert!(pairs.iter().any(|(first, _)| *first > 1), "something happens in these replicas");
    }
    assert!(differences("open.yaml").iter().any(|(first, second)| first != second), "an open design is worse");
}

/// Designs of one name are told apart by their paths, wherever they stand side by side; one path twice by its number.
#[test]
fn designs_of_one_name_are_told_apart() {
    let open = site_text().replace("policy:\n", "policy:\n  - allow: {from: any, to: any}\n");
    let at = folder(&[("a/seglab.yaml", &site_text()), ("b/seglab.yaml", &open), ("c.yaml", &site_and_a_hermit())]);
    let (a, b) = ("marketing site (a)", "marketing site (b/seglab.yaml)");
    let compare = ["compare", "a", "b/seglab.yaml"];
    let text = run(&at, &[&compare[..], &["--plot", "two.svg"]].concat()).ends(0);
    for line in [format!("design {a} · "), format!("\n{a} "), format!("\n{a}: 4 units"), format!("\n{b} against {a},")]
    {
        assert!(text.contains(&line), "no `{line}` in\n{text}");
    }
    let picture = String::from_utf8(bytes(at.path(), "two.svg")).unwrap();
    assert!(picture.contains(a) && picture.contains(b), "{picture}");
    let document = run(&at, &[&compare[..], &["--format", "json"]].concat()).json(0);
    for (position, name) in [a, b].into_iter().enumerate() {
        assert_eq!(document["headings"][position]["design"], name);
        assert_eq!(document["comparison"]["designs"][position]["design"], name);
        assert_eq!(document["designs"][position]["design"], name);
    }
    // What is simulated of each stands beside it.
    let owned = |position: usize| document["comparison"]["designs"][position]["compromised_median"].as_f64().unwrap();
    assert!(owned(0) < owned(1), "{document:#}");

    run(&at, &["report", "a", "--against", "b/seglab.yaml", "--against", "c.yaml", "-o", "out"]).ends(0);
    for file in ["out/report.html", "out/report.md", "out/report.json"] {
        let page = String::from_utf8(bytes(at.path(), file)).unwrap();
        assert!(page.contains("a/seglab.yaml") && page.contains("b/seglab.yaml") && page.contains("c.yaml"), "{file}");
        for read in [site_text(), open.clone(), site_and_a_hermit()] {
            assert!(page.contains(&sha256(&read)), "{file} names no hash of what it compares");
        }
    }

    let twice = run(&at, &["compare", "a", "a"]).ends(0);
    assert!(twice.contains("\nmarketing site (a) no. 2 against marketing site (a) no. 1,"), "{twice}");
    let unlike = at.path().join("other.yaml");
    std::fs::write(&unlike, site_text().replace("name: marketing site", "name: other")).unwrap();
    let out = run(&at, &["compare", "a", "other.yaml"]).ends(0);
    assert!(out.contains("\nother against marketing site,"), "{out}");
}

/// What a comparison hangs on is told, drawn and reported alike.
#[test]
fn what_a_comparison_hangs_on() {
    let open = site_text()
        .replace("policy:\n", "policy:\n  - allow: {from: any, to: any}\n")
        .replace("marketing site", "open site");
    let at = folder(&[("site.yaml", &site_text()), ("open.yaml", &open)]);
    let varied = [
        "--replicas",
        "40",
        "--sensitivity",
        "--vary",
        "exploit-probability=0.05..0.9",
        "--vary",
        "response=10min..8h",
    ];
    let compare = ["compare", "site.yaml", "open.yaml", "--tornado", "tornado.svg"];
    let text = seglab(at.path(), &[&compare[..], &varied].concat()).ends(0);
    seglab(at.path(), &[&["report", "site.yaml", "--against", "open.yaml", "-o", "out"], &varied[..]].concat());
    let read = |file: &str| String::from_utf8(bytes(at.path(), file)).unwrap();
    let (drawn, page, list) = (read("tornado.svg"), read("out/report.html"), read("out/report.md"));
    assert_eq!(drawn, read("out/tornado.svg"));
    for change in ["as declared", "no detection", "exploit-probability 0.05", "exploit-probability 0.9", "response 8 h"]
    {
        assert!(text.contains(change) && page.contains(change) && list.contains(change), "no `{change}` in\n{text}");
    }
    let places: Vec<usize> =
        ["response", "exploit-probability"].iter().filter_map(|name| drawn.find(&format!("\n{name}\n"))).collect();
    assert_eq!(places.len(), 2, "{drawn}");
    let document: serde_json::Value = serde_json::from_str(&read("out/report.json")).unwrap();
    assert_eq!(document["sensitivity"]["ranges"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["differences"][0]["second"], document["sensitivity"]["declared"][1]["design"]);
}

#[test]
fn a_precision_says_how_many_replicas() {
    let at = site();
    let simulate = |most: &str, more: &[&str]| {
        seglab(
            at.path(),
            &[&["simulate", ".", "--horizon", "2d", "--precision", "0.1", "--replicas", most], more].concat(),
        )
    };
    let out = simulate("9000", &[]).ends(0);
    assert!(
        out.contains("\nreplicas stopped when the chance that a critical unit is owned was known to ±10 percentage points in every design"),
        "{out}"
    );
    let json = simulate("9000", &["--format", "json"]).json(0);
    let scope = &json["scope"];
    assert_eq!(scope["precision"], serde_json::json!({"half_width": 0.1, "met": true, "replicas_max": 9000}));
    assert!(scope["replicas"].as_u64().is_some_and(|replicas| (100..200).contains(&replicas)), "{scope}");
    let out = simulate("60", &[]).ends(0);
    assert!(out.contains("\nnot enough replicas: "), "{out}");
}

#[test]
fn without_an_attacker_there_is_traffic_only() {
    let at = folder(&[("pods.yaml", PODS)]);
    let out = run(&at, &["simulate", "."]).ends(0);
    assert!(out.contains("no attacker is declared: traffic only"), "{out}");
}

/// Every replica of every design is a row: what JSON says of it, in columns.
#[test]
fn replicas_are_rows() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;
    let at = folder(&[("a.yaml", &site_text()), ("b.yaml", &site_and_a_hermit())]);
    let compare = ["compare", "a.yaml", "b.yaml", "--format", "json", "--parquet", "rows.parquet"];
    let document = run(&at, &compare).json(0);
    let file = std::fs::File::open(at.path().join("rows.parquet")).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let columns: Vec<String> =
        reader.metadata().file_metadata().schema_descr().columns().iter().map(|one| one.name().to_owned()).collect();
    let column = |name: &str| columns.iter().position(|one| one == name).unwrap_or_else(|| panic!("no column {name}"));
    let mut rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    let mut taken = 0;
    for design in document["designs"].as_array().unwrap() {
        for replica in design["replicas"].as_array().unwrap() {
            let row = rows.next().expect("a row for each");
            let count = |name: &str| row.get_ulong(column(name)).unwrap();
            let text = |name: &str| row.get_string(column(name)).unwrap().as_str();
            assert_eq!(text("design"), design["design"]);
            assert_eq!(text("foothold"), replica["foothold"]);
            let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value}"));
            for (name, value) in [
                ("replica", &replica["number"]),
                ("units_owned", &replica["course"].as_array().unwrap().last().unwrap()["compromised"]),
                ("attempts", &replica["attempts"]["made"]),
                ("attempts_denied", &replica["attempts"]["denied"]),
                ("alerts_of_denials", &replica["alerts"]["denials"]),
                ("events", &replica["events"]),
            ] {
                assert_eq!(count(name), number(value), "{name}");
            }
            let tried: u64 = replica["needs"].as_array().unwrap().iter().map(|need| number(&need["tried"])).sum();
            assert_eq!(count("flows"), tried);
            let settled = |of: &Value| (of["fate"] == "event").then(|| number(&of["at_ns"]));
            assert_eq!(row.get_ulong(column("noticed_ns")).ok(), settled(&replica["detection"]));
            let critical = replica["critical"].as_array().unwrap();
            let first = critical.iter().filter_map(settled).min();
            assert_eq!(row.get_ulong(column("first_critical_ns")).ok(), first);
            assert_eq!(text("first_critical_fate") == "event", first.is_some());
            taken += usize::from(first.is_some());
        }
    }
    assert!(rows.next().is_none() && taken > 0, "{taken}");
    // The same rows from chunks, and nothing where there is no room.
    let one = |out: &str| run(&at, &["simulate", "a.yaml", "--parquet", out]);
    one("one.parquet").ends(0);
    for index in ["1/2", "2/2"] {
        run(&at, &["simulate", "a.yaml", "--chunk", index, "-o", &index.replace('/', "-")]).ends(0);
    }
    seglab(at.path(), &["reduce", "1-2", "2-2", "--parquet", "reduced.parquet"]).ends(0);
    assert_eq!(bytes(at.path(), "one.parquet"), bytes(at.path(), "reduced.parquet"));
    let full = one("/dev/full");
    assert_eq!((full.code, full.out.as_str()), (Some(2), ""), "{}", full.err);
    assert!(full.err.contains("cannot write `/dev/full`"), "{}", full.err);
}

/// Four hops that race quarantine.
const RACE: &str = "seglab: 1
name: race
units:
  - {name: a, addresses: [10.0.0.1]}
  - {name: b, addresses: [10.0.0.2], listens: [tcp/80], vulnerabilities: [{name: weak, service: tcp/80}]}
  - {name: c, addresses: [10.0.0.3], listens: [tcp/80], vulnerabilities: [{name: weak, service: tcp/80}]}
  - {name: d, addresses: [10.0.0.4], listens: [tcp/80], vulnerabilities: [{name: weak, service: tcp/80}]}
  - {name: e, addresses: [10.0.0.5], listens: [tcp/80], vulnerabilities: [{name: weak, service: tcp/80}], critical: 1}
policy:
  - allow: {from: a, to: b, service: tcp/80}
  - allow: {from: b, to: c, service: tcp/80}
  - allow: {from: c, to: d, service: tcp/80}
  - allow: {from: d, to: e, service: tcp/80}
attackers:
  - {foothold: a, scan-rate: 4.096/s, exploit: {probability: 1, mean: 0s}, login: {probability: 1, mean: 0s}}
monitor: {sensor: {probability: 1, mean: 0s}, response: 100s}
";

/// Of each hop one attack in eleven comes through: 1/11^4 = 6.8e-5, which no thousand replicas would see.
#[test]
fn what_hardly_ever_happens_has_a_chance() {
    let harmless = RACE.replace(", critical: 1", "");
    let walled = RACE.replace("  - allow: {from: c, to: d, service: tcp/80}\n", "");
    let assumed = walled.replace("scan-rate: 4.096/s, ", "");
    let designs =
        [("race.yaml", RACE), ("harmless.yaml", &harmless), ("walled.yaml", &walled), ("assumed.yaml", &assumed)];
    let at = folder(&designs);
    let search = |arguments: &[&str]| seglab(at.path(), &[&["simulate", "--rare"], arguments].concat());
    let rare = |arguments: &[&str]| search(&[arguments, &["--starts", "200"]].concat());
    let json = rare(&["race.yaml", "--format", "json", "--threads", "1"]).ends(0);
    assert_eq!(json, rare(&["race.yaml", "--format", "json", "--threads", "2"]).ends(0));
    let document: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(document["schema"], "seglab/rare/v1");
    let found = &document["designs"][0];
    let chance = found["chance"]["value"].as_f64().expect("a number");
    let known = 1.0 / 11f64.powi(4);
    assert!((0.5..2.0).contains(&(chance / known)), "{chance} against {known}");
    assert_eq!((found["repetitions"].as_array().map(Vec::len), found["levels"].as_u64()), (Some(20), Some(4)));
    assert!(found["worth_replicas"].as_f64().is_some_and(|replicas| replicas > 100_000.0), "{found}");
    let text = rare(&["race.yaml"]).ends(0);
    assert!(text.contains("a critical unit is owned within 7 d with the chance ") && text.contains("e-5"), "{text}");
    assert!(text.contains("20 repetitions of 200 runs from each of 4 levels, "), "{text}");
    let walled = rare(&["walled.yaml"]).ends(0);
    assert!(walled.contains("no way leads there while every point does its work: never"), "{walled}");
    let document = rare(&["walled.yaml", "--format", "json"]).json(0);
    assert_eq!(
        (&document["designs"][0]["reachable"], &document["designs"][0]["chance"]),
        (&false.into(), &Value::Null)
    );
    // What the attacker takes from the calibration is said, and nothing that an attack does not rest on.
    assert!(!text.contains("calibration\n") && !document.to_string().contains("scan-rate"), "{text}");
    let assumed = rare(&["assumed.yaml"]).ends(0);
    assert!(assumed.contains("\ncalibration\n") && assumed.contains("  scan-rate "), "{assumed}");
    let document = rare(&["assumed.yaml", "--format", "json"]).json(0);
    let names: Vec<&Value> =
        document["calibration"].as_array().into_iter().flatten().map(|value| &value["name"]).collect();
    assert_eq!(names, ["scan-rate"], "{document}");
    for (arguments, error) in [
        (&["harmless.yaml"][..], "mark units with `critical`"),
        (&["race.yaml", "--repetitions", "5"], "5 is not in 20..=1000"),
        (&["race.yaml", "--starts", "0"], "0 is not in 10..=1000000"),
        (&["race.yaml", "--replicas", "10"], "cannot be used with '--replicas"),
    ] {
        let run = search(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.err.contains(error), "{arguments:?}: {}", run.err);
    }
}

/// The headline of rare attacks is a ratio: two hops more are about a hundred times as rare.
#[test]
fn rare_attacks_on_designs_have_a_ratio() {
    let short = RACE.replace(
        "  - allow: {from: c, to: d",
        "  - allow: {from: b, to: e, service: tcp/80}\n  - allow: {from: c, to: d",
    );
    let walled = RACE.replace("  - allow: {from: c, to: d, service: tcp/80}\n", "");
    let named = |text: &str, name: &str| text.replace("name: race", &format!("name: {name}"));
    let at = folder(&[
        ("short.yaml", &named(&short, "short")),
        ("long.yaml", &named(RACE, "long")),
        ("walled.yaml", &named(&walled, "walled")),
    ]);
    let compare = |arguments: &[&str]| seglab(at.path(), &[&["compare", "--rare"], arguments].concat());
    let rare = |arguments: &[&str]| compare(&[arguments, &["--starts", "200"]].concat());
    let all = ["short.yaml", "long.yaml", "walled.yaml", "short.yaml"];
    let document = rare(&[&all[..], &["--format", "json"]].concat()).json(0);
    assert_eq!(document["schema"], "seglab/rare-comparison/v1");
    let lengths = ["headings", "designs", "ratios"].map(|list| document[list].as_array().map(Vec::len));
    assert_eq!(lengths, [Some(4), Some(4), Some(3)]);
    let [long, walled, same] = [0, 1, 2].map(|position| &document["ratios"][position]);
    let number = |ratio: &Value, name: &str| ratio["ratio"].pointer(name).and_then(Value::as_f64).expect("a number");
    let ends = |ratio: &Value| ["/value", "/interval/low", "/interval/high"].map(|name| number(ratio, name));
    let [value, low, high] = ends(long);
    let chance = |position: usize| document["designs"][position]["chance"]["value"].as_f64().expect("a number");
    assert!((value / (chance(1) / chance(0)) - 1.0).abs() < 1e-9, "{long}");
    assert!(low < value && value < high && high < 0.1, "{long}");
    assert_eq!((&long["design"], &walled["design"]), (&"long".into(), &"walled".into()));
    // No way leads there, and a design against itself differs by nothing.
    assert_eq!((ends(walled), ends(same)), ([0.0; 3], [1.0; 3]));

    let text = rare(&all).ends(0);
    let said = text.lines().find_map(|line| line.strip_prefix("long: ")).expect("a line of its own");
    let (first, rest) = said.split_once(' ').expect("a number");
    assert!((first.parse::<f64>().expect("a number") / value - 1.0).abs() < 0.01, "{said}, but {value}");
    assert!(rest.starts_with("times the chance of short (short.yaml) no. 1 (95% interval "), "{said}");
    assert!(text.contains("\nwalled: never, whatever the chance of short (short.yaml) no. 1\n"), "{text}");
    assert!(text.contains("20 repetitions of 200 runs from each of "), "{text}");
    let text = rare(&["walled.yaml", "long.yaml"]).ends(0);
    assert!(text.ends_with("\nlong: how many times the chance of walled is not known\n"), "{text}");

    for option in [
        &["--replicas", "10"][..],
        &["--precision", "0.1"],
        &["--traffic", "off"],
        &["--parquet", "rows.parquet"],
        &["--plot", "two.svg"],
        &["--sensitivity"],
        &["--sensitivity", "--tornado", "two.svg"],
    ] {
        let run = compare(&[&["short.yaml", "long.yaml"], option].concat());
        assert_eq!(run.code, Some(2), "{option:?}");
        assert!(run.err.contains("cannot be used with"), "{option:?}: {}", run.err);
    }
    let lonely = seglab(at.path(), &["compare", "short.yaml", "long.yaml", "--starts", "200"]);
    assert!(lonely.code == Some(2) && lonely.err.contains("--rare"), "{}", lonely.err);
}

/// A shop of three parts, whose database is out of reach or not.
fn shop(reaches_the_store: bool, deny_by: &str) -> String {
    let rule = "  - allow: {from: api, to: db, service: tcp/5432}\n";
    format!(
        "seglab: 1
name: shop
units:
  - {{name: web, addresses: [10.0.0.1], listens: [tcp/443]}}
  - {{name: api, addresses: [10.0.0.2], listens: [tcp/8080]}}
  - {{name: db, addresses: [10.0.0.3], listens: [tcp/5432]}}
policy:
  - allow: {{from: internet, to: web, service: tcp/443}}
  - allow: {{from: web, to: api, service: tcp/8080}}
{}enforcement:
  - agent: {{on: all, deny-by: {deny_by}}}
services:
  - {{name: shop, on: web, port: tcp/443, takes: {{mean: 8ms}}, servers: 4, queue: 100, needs: [orders]}}
  - {{name: orders, on: api, port: tcp/8080, takes: {{median: 10ms, sigma: 0.6}}, servers: 2, needs: [store]}}
  - {{name: store, on: db, port: tcp/5432, takes: 30ms}}
needs:
  - {{from: internet, to: shop, rate: 20/s, timeout: 2s}}
",
        if reaches_the_store { rule } else { "" }
    )
}

#[test]
fn an_application_is_served_or_says_where_it_breaks() {
    let at = folder(&[
        ("whole.yaml", &shop(true, "drop")),
        ("dropped.yaml", &shop(false, "drop")),
        ("rejected.yaml", &shop(false, "reject")),
    ]);
    let settings = ["--replicas", "20", "--horizon", "5min", "--traffic", "every-request"];
    let text = |file| seglab(at.path(), &[&["simulate", file][..], &settings].concat()).ends(0);
    let whole = text("whole.yaml");
    for line in [
        "policy denies flows of 0 of 3",
        "internet -> web tcp/443: ",
        "100.00% served",
        "served within     p50 ",
        "1 unit with 1 server, load by rates 60.0%; occupied ",
    ] {
        assert!(whole.contains(line), "{line}: {whole}");
    }
    for file in ["dropped.yaml", "rejected.yaml"] {
        let broken = text(file);
        assert!(broken.contains("0.00% served, 100.00% blocked further on"), "{broken}");
        assert!(broken.contains("load by rates 0.0%"), "{broken}");
    }
    let off = seglab(at.path(), &["simulate", "whole.yaml", "--replicas", "2", "--traffic", "off"]).ends(0);
    assert!(!off.contains("served"), "{off}");
    let sampled = seglab(at.path(), &["simulate", "whole.yaml", "--replicas", "20", "--format", "json"]).json(0);
    assert_eq!(sampled["scope"]["traffic"], "sampled");
    assert!(sampled["designs"][0]["needs"][0]["latency"]["p99_ns"]["value"].as_f64().expect("a number") > 4e7);
    assert!(sampled["designs"][0]["services"][2]["observed"].is_null());
}

#[test]
fn an_application_without_time_is_an_error() {
    let at = folder(&[("shop.yaml", &shop(true, "drop"))]);
    seglab(at.path(), &["simulate", "shop.yaml", "--horizon", "0s", "--traffic", "every-request"]).ends(2);
}

/// Requests of chunks are put together to the bytes of one machine, their times and the state of servers included.
#[test]
fn an_application_in_chunks_is_the_same() {
    let at = folder(&[("shop.yaml", &shop(true, "drop"))]);
    let settings = ["--replicas", "7", "--horizon", "3min", "--traffic", "every-request"];
    for chunk in ["1/2", "2/2"] {
        let file = format!("{}.json", &chunk[..1]);
        seglab(at.path(), &[&["simulate", "shop.yaml", "--chunk", chunk, "-o", &file][..], &settings].concat()).ends(0);
    }
    let one = seglab(at.path(), &[&["simulate", "shop.yaml"][..], &settings].concat()).ends(0);
    assert_eq!(seglab(at.path(), &["reduce", "1.json", "2.json"]).ends(0), one);
}

const RELEASED: &str = "\
seglab: 1
name: planned
units:
  - {name: web, labels: {app: web}}
  - {name: old, labels: {app: old}, listens: [tcp/443]}
  - {name: new, labels: {app: new}, listens: [tcp/8443]}
policy:
  - allow: {from: app=web, to: app=old, service: tcp/443, object: old way}
enforcement:
  - host: {on: all, controller: hub, updates: 1/h}
controllers:
  - {name: hub, fails: {every: 10d, repair: 1h}}
needs:
  - {from: app=web, to: app=old, service: tcp/443, rate: 1/h}
releases:
  - name: two
    at: 6h
    needs: [{from: app=web, to: app=new, service: tcp/8443, rate: 1/h}]
    ends: [app=web -> app=old tcp/443]
    policy: [{allow: {from: app=web, to: app=new, service: tcp/8443}}]
    retires: [old way]
approval: {review: 6h, hold: true}
";

/// What policy that is late costs stands in text, JSON and rows, and comes out the same from chunks.
#[test]
fn releases_that_wait_are_told() {
    let ahead = RELEASED.replace("name: planned", "name: ahead").replace(", hold: true", "");
    let at = folder(&[("planned.yaml", RELEASED), ("ahead.yaml", &ahead)]);
    let text = run(&at, &["compare", "planned.yaml", "ahead.yaml"]).ends(0);
    for line in [
        "no-release-yet",
        "points-informed",
        "  releases: held up for ",
        "  releases: held up for 0.0 h (95% interval 0.0 to 0.0); rules that no need is left for in force for ",
        " are denied by policy that is late (95% interval ",
        "\n  releases held up ",
        "\n  rules that outlive needs ",
    ] {
        assert!(text.contains(line), "no `{line}` in\n{text}");
    }
    let document = run(&at, &["simulate", "planned.yaml", "--format", "json"]).json(0);
    let design = &document["designs"][0];
    assert_eq!(design["needs"][1]["release"], "two");
    assert!(design["delays"]["held_up_ns"]["value"].as_f64().is_some_and(|ns| ns > 3.6e12), "{}", design["delays"]);
    let replica = &design["replicas"][0]["delays"];
    assert!(replica["held_up_ns"].is_u64() && replica["outlived_ns"].is_u64(), "{replica}");
    for index in ["1/2", "2/2"] {
        run(&at, &["simulate", "planned.yaml", "--chunk", index, "-o", &index.replace('/', "-")]).ends(0);
    }
    let reduced = seglab(at.path(), &["reduce", "1-2", "2-2", "--format", "json"]).json(0);
    assert_eq!(reduced["designs"], document["designs"]);
    let wrong = folder(&[("seglab.yaml", &RELEASED.replace("retires: [old way]", "retires: [old wax]"))]);
    let refused = seglab(wrong.path(), &["verify", "."]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("seglab.yaml:21:15"), "{}", refused.err);
}
